//! Control messages: what can be wrong with a request, and how replies are written.

use std::net::SocketAddr;

use stun_types::attribute::{
    AttributeType, ErrorCode, Nonce, PasswordAlgorithmValue, PasswordAlgorithms, UnknownAttributes,
};
use stun_types::attribute::{Realm as RealmAttribute, XorMappedAddress};
use stun_types::message::{
    Message, MessageClass, MessageType, MessageWrite, MessageWriteExt, MessageWriteMutSlice, Method, StunParseError,
    TransactionId,
};
use stun_types::prelude::{Attribute, AttributeFromRaw, AttributeStaticType, AttributeWrite};

use crate::credentials::Key;
use crate::integrity::{Seal, sign};
use crate::wire::HEADER;

/// The largest reply. 401 or 438 with the longest realm takes 230, 420 as much as there is. With its headers it stays below the
/// 576 bytes that RFC 8489 §6.1 sets where a path's MTU is unknown.
pub(crate) const MAX_REPLY: usize = 512;
/// How many attributes a 420 names at most: beside header, ERROR-CODE, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT.
const MAX_UNKNOWN: usize = (MAX_REPLY - HEADER - 8 - 4 - 36 - 8) / 2;

/// Attributes that have to be understood (below 0x8000) and are: those of RFC 8489 and RFC 8656, without DONT-FRAGMENT.
const UNDERSTOOD: [u16; 20] = [
    0x0001, 0x0006, 0x0008, 0x0009, 0x000a, 0x000c, 0x000d, 0x0012, 0x0013, 0x0014, 0x0015, 0x0016, 0x0017, 0x0018,
    0x0019, 0x001c, 0x001d, 0x001e, 0x0020, 0x0022,
];

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: it can't be meant that way.
    BadRequest,
    /// 401: nobody that is known, or no longer.
    Unauthorized,
    /// 403: a peer that is not relayed to, or a holder who is no longer admitted.
    Forbidden,
    /// 420: it has to be understood, and isn't.
    UnknownAttribute,
    /// 437: there is an allocation already, or none.
    AllocationMismatch,
    /// 438: the nonce is too old, or another's.
    StaleNonce,
    /// 440: no relayed addresses of this family.
    FamilyNotSupported,
    /// 441: an allocation of somebody else's.
    WrongCredentials,
    /// 442: only UDP is relayed.
    TransportNotSupported,
    /// 443: a peer of the other family.
    PeerFamilyMismatch,
    /// 486: too many allocations of this user or address.
    QuotaReached,
    /// 508: the relay has no room left for it.
    InsufficientCapacity,
}

impl Refusal {
    /// All of them, in the order of their codes.
    pub(crate) const ALL: [Self; 12] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::UnknownAttribute,
        Self::AllocationMismatch,
        Self::StaleNonce,
        Self::FamilyNotSupported,
        Self::WrongCredentials,
        Self::TransportNotSupported,
        Self::PeerFamilyMismatch,
        Self::QuotaReached,
        Self::InsufficientCapacity,
    ];

    /// As ERROR-CODE says it.
    pub(crate) fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::UnknownAttribute => 420,
            Self::AllocationMismatch => 437,
            Self::StaleNonce => 438,
            Self::FamilyNotSupported => 440,
            Self::WrongCredentials => 441,
            Self::TransportNotSupported => 442,
            Self::PeerFamilyMismatch => 443,
            Self::QuotaReached => 486,
            Self::InsufficientCapacity => 508,
        }
    }
}

/// What a reply takes over from its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) id: TransactionId,
    /// Whether it had a FINGERPRINT, so that the reply gets one too.
    pub(crate) fingerprint: bool,
}

/// An attribute that may be missing but not be malformed.
pub(crate) fn optional<'a, A>(message: &'a Message<'a>) -> Result<Option<A>, Refusal>
where
    A: AttributeFromRaw<'a> + AttributeStaticType,
{
    match message.attribute::<A>() {
        Ok(attribute) => Ok(Some(attribute)),
        Err(StunParseError::MissingAttribute(_)) => Ok(None),
        Err(_) => Err(Refusal::BadRequest),
    }
}

/// Those that have to be understood and aren't (RFC 8489 §6.3.1), each once, as many as fit. For each named there were four bytes
/// in the request, so that a reply of two is no gain to anybody who has it sent elsewhere.
pub(crate) fn not_understood(message: &Message<'_>) -> Option<UnknownAttributes> {
    let strange = |kind: &u16| *kind < 0x8000 && !UNDERSTOOD.contains(kind);
    let kinds = message.iter_attributes().map(|(_, attribute)| attribute.get_type().value());
    let mut kinds: Vec<u16> = kinds.filter(strange).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.truncate(MAX_UNKNOWN);
    let kinds: Vec<AttributeType> = kinds.into_iter().map(AttributeType::from).collect();
    if kinds.is_empty() { None } else { Some(UnknownAttributes::new(&kinds)) }
}

/// A reply under way.
pub(crate) struct Reply<'a> {
    message: MessageWriteMutSlice<'a>,
    fingerprint: bool,
}

impl<'a> Reply<'a> {
    /// That it was done.
    pub(crate) fn success(request: &Request, space: &'a mut [u8; MAX_REPLY]) -> Self {
        Self::new(request, MessageClass::Success, space)
    }

    /// That it was not, and why. The reason phrase is for people, who never see it: it is left empty.
    pub(crate) fn refusal(request: &Request, refusal: Refusal, space: &'a mut [u8; MAX_REPLY]) -> Self {
        let code = ErrorCode::builder(refusal.code()).reason("").build().expect("its code is between 300 and 700");
        Self::new(request, MessageClass::Error, space).with(&code)
    }

    fn new(request: &Request, class: MessageClass, space: &'a mut [u8; MAX_REPLY]) -> Self {
        let kind = MessageType::from_class_method(class, request.method);
        let message = Message::builder(kind, request.id, MessageWriteMutSlice::new(space));
        Self { message, fingerprint: request.fingerprint }
    }

    /// Adds one attribute.
    pub(crate) fn with(mut self, attribute: &dyn AttributeWrite) -> Self {
        self.message.add_attribute(attribute).expect("a reply has room for all it is ever given");
        self
    }

    /// Says where the request came from.
    pub(crate) fn with_mapped(self, client: SocketAddr, id: TransactionId) -> Self {
        self.with(&XorMappedAddress::new(client, id))
    }

    /// Says how to sign in.
    pub(crate) fn with_challenge(self, realm: &str, nonce: &[u8]) -> Self {
        let nonce = std::str::from_utf8(nonce).expect("nonces are ASCII");
        let offered = [PasswordAlgorithmValue::SHA256, PasswordAlgorithmValue::MD5];
        self.with(&RealmAttribute::new(realm).expect("realms are shorter than 128"))
            .with(&Nonce::new(nonce).expect("nonces are shorter than 128"))
            .with(&PasswordAlgorithms::new(&offered))
    }

    /// Signs it as the request was signed. Its length.
    pub(crate) fn signed(mut self, seal: Seal, key: &Key) -> usize {
        sign(&mut self.message, seal, key);
        self.done()
    }

    /// Its length.
    pub(crate) fn done(mut self) -> usize {
        if self.fingerprint {
            self.message.add_fingerprint().expect("a reply has room for all it is ever given");
        }
        self.message.finish()
    }
}

/// Whether a client names the algorithms as they were offered to it, so that nobody has struck one out on the way.
pub(crate) fn as_offered(algorithms: &PasswordAlgorithms) -> bool {
    algorithms.algorithms() == [PasswordAlgorithmValue::SHA256, PasswordAlgorithmValue::MD5]
}
