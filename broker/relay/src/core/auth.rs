//! Who signed a request (RFC 8489 §9.2.4), without a look at any state but how often that was asked lately.

use stun_types::attribute::{
    Nonce, PasswordAlgorithm, PasswordAlgorithmValue, PasswordAlgorithms, Realm, Userhash,
    Username as UsernameAttribute,
};
use stun_types::message::Message;
use stun_types::prelude::AttributeStaticType;

use crate::core::{Client, Core, Now};
use crate::credentials::{Key, KeyAlgorithm, Username};
use crate::doorstep::{Payer, household, neighbourhood};
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
    /// There were too many such, and nothing is checked.
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
        let is_fresh = self.nonces.knows(now.millis, &client.address, nonce.nonce().as_bytes());
        let holder = Payer::Holder(&username.holder);
        let doubter = self.payer_of_doubts(client, is_fresh);
        let may_be = |payer| self.checks.may_be_for(now.millis, payer);
        if ![doubter].into_iter().chain(is_fresh.then_some(holder)).all(may_be) {
            return Err(Stranger::Hasty);
        }
        let key = self.settings.secret.key(algorithm, &username, &self.settings.realm);
        let is_right = is_signed(message, seal, &key);
        self.checks.count(now.millis, if is_fresh && is_right { holder } else { doubter });
        if !is_right {
            return Err(Refusal::Unauthorized.into());
        }
        if !is_fresh {
            return Err(Refusal::StaleNonce.into());
        }
        Ok(Signer { username, key, seal })
    }

    /// For whom it counts if a check comes to nothing.
    fn payer_of_doubts(&self, client: &Client, is_fresh: bool) -> Payer<'static> {
        let near = neighbourhood(client.address.ip());
        match (is_fresh, self.table.of_client(client)) {
            (true, Some(_)) => Payer::Client(client.address),
            (true, None) => Payer::Address(near),
            (false, _) if self.accounts.has_allocation_from(household(near)) => Payer::Stale(near),
            (false, _) => Payer::Strangers,
        }
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
