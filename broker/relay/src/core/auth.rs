//! Who signed a request (RFC 8489 §9.2.4), without a look at any state but how often its holder has asked lately.

use stun_types::attribute::{
    Nonce, PasswordAlgorithm, PasswordAlgorithmValue, PasswordAlgorithms, Realm, Userhash,
    Username as UsernameAttribute,
};
use stun_types::message::Message;
use stun_types::prelude::AttributeStaticType;

use crate::core::{Client, Core, Now};
use crate::credentials::{Key, KeyAlgorithm, Username};
use crate::integrity::{Seal, is_signed, seal_of};
use crate::message::{Refusal, as_offered, optional};

/// Who signed, and with what the reply is signed in turn.
pub(super) struct Signer {
    pub(super) username: Username,
    pub(super) key: Key,
    pub(super) seal: Seal,
}

/// Why it is not known who signed.
pub(super) enum Stranger {
    Refused(Refusal),
    /// The holder that is named has asked too often, and nothing is checked.
    Hasty,
}

impl From<Refusal> for Stranger {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Core {
    /// Checks in the RFC's order. [`Refusal::StaleNonce`] comes last: whoever gets it has signed rightly.
    pub(super) fn signer(&mut self, now: Now, client: &Client, message: &Message<'_>) -> Result<Signer, Stranger> {
        let seal = seal_of(message).ok_or(Refusal::Unauthorized)?;
        let username = optional::<UsernameAttribute>(message)?;
        if username.is_none() && !message.has_attribute(Userhash::TYPE) {
            return Err(Refusal::BadRequest.into());
        }
        if !message.has_attribute(Realm::TYPE) {
            return Err(Refusal::BadRequest.into());
        }
        let nonce = optional::<Nonce>(message)?.ok_or(Refusal::BadRequest)?;
        let algorithm = key_algorithm(message)?;
        // We never offer user name anonymity, so a hash is of nobody we know.
        let username = username.ok_or(Refusal::Unauthorized)?;
        let username: Username = username.username().parse().map_err(|_| Refusal::Unauthorized)?;
        if !self.requests.admits(now.millis, &username.holder) {
            return Err(Stranger::Hasty);
        }
        let key = self.settings.secret.key(algorithm, &username, &self.settings.realm);
        if !is_signed(message, seal, &key) {
            return Err(Refusal::Unauthorized.into());
        }
        self.requests.count(now.millis, &username.holder);
        if !self.nonces.knows(now.millis, &client.address, nonce.nonce().as_bytes()) {
            return Err(Refusal::StaleNonce.into());
        }
        Ok(Signer { username, key, seal })
    }
}

/// How the client made its key. A client that names an algorithm must also repeat what it was offered, so that who struck
/// out the stronger one on the way is found out.
fn key_algorithm(message: &Message<'_>) -> Result<KeyAlgorithm, Refusal> {
    match (optional::<PasswordAlgorithm>(message)?, optional::<PasswordAlgorithms>(message)?) {
        (None, None) => Ok(KeyAlgorithm::Md5),
        (Some(chosen), Some(offered)) if as_offered(&offered) => Ok(match chosen.algorithm() {
            PasswordAlgorithmValue::MD5 => KeyAlgorithm::Md5,
            PasswordAlgorithmValue::SHA256 => KeyAlgorithm::Sha256,
        }),
        (Some(_), _) | (None, Some(_)) => Err(Refusal::BadRequest),
    }
}
