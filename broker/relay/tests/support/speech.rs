//! One who asks the relay for something, and the replies.

use std::net::SocketAddr;

use klatch_relay::Credentials;
use stun_types::attribute::{
    ErrorCode, Nonce, PasswordAlgorithm, PasswordAlgorithmValue, PasswordAlgorithms, Realm, Username, XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials,
    MessageType, MessageWrite, MessageWriteExt, MessageWriteVec, Method, TransactionId,
};
use stun_types::prelude::AttributeWrite;
use turn_types::attribute::{ChannelNumber, Data, Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH, SEND};

pub type Attributes<'a> = &'a [&'a dyn AttributeWrite];

/// How to sign in, and as whom.
#[derive(Clone)]
pub struct Speaker {
    pub username: String,
    pub password: String,
    pub realm: String,
    pub nonce: String,
    pub algorithm: IntegrityAlgorithm,
    pub next: u128,
}

impl Speaker {
    pub fn new(credentials: &Credentials) -> Self {
        Self {
            username: credentials.username.clone(),
            password: credentials.password.clone(),
            realm: "klatch.test".into(),
            nonce: String::new(),
            algorithm: IntegrityAlgorithm::Sha1,
            next: 1,
        }
    }

    /// Takes realm and nonce from a 401 or 438.
    pub fn heed(&mut self, answer: &Answer) {
        self.nonce = answer.read(|message| message.attribute::<Nonce>().unwrap().nonce().to_owned());
        self.realm = answer.read(|message| message.attribute::<Realm>().unwrap().realm().to_owned());
    }

    pub fn id(&mut self) -> TransactionId {
        self.next += 1;
        self.next.into()
    }

    pub fn credentials(&self) -> MessageIntegrityCredentials {
        LongTermKeyCredentials::new(self.username.clone(), self.password.clone(), self.realm.clone()).into()
    }

    /// A signed request.
    pub fn request(&mut self, method: Method, attributes: Attributes<'_>) -> Vec<u8> {
        let id = self.id();
        self.request_as(method, id, attributes)
    }

    pub fn request_as(&self, method: Method, id: TransactionId, attributes: Attributes<'_>) -> Vec<u8> {
        let mut message = begin(MessageClass::Request, method, id);
        for attribute in attributes {
            message.add_attribute(*attribute).unwrap();
        }
        message.add_attribute(&Username::new(&self.username).unwrap()).unwrap();
        message.add_attribute(&Realm::new(&self.realm).unwrap()).unwrap();
        message.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        if self.algorithm == IntegrityAlgorithm::Sha256 {
            let offered = [PasswordAlgorithmValue::SHA256, PasswordAlgorithmValue::MD5];
            message.add_attribute(&PasswordAlgorithms::new(&offered)).unwrap();
            message.add_attribute(&PasswordAlgorithm::new(PasswordAlgorithmValue::SHA256)).unwrap();
        }
        message.add_message_integrity(&self.credentials(), self.algorithm).unwrap();
        message.finish()
    }

    pub fn allocate(&mut self) -> Vec<u8> {
        self.request(ALLOCATE, &[&RequestedTransport::new(17)])
    }

    pub fn refresh(&mut self, seconds: u32) -> Vec<u8> {
        self.request(REFRESH, &[&Lifetime::new(seconds)])
    }

    pub fn permit(&mut self, peer: SocketAddr) -> Vec<u8> {
        let id = self.id();
        self.request_as(CREATE_PERMISSION, id, &[&XorPeerAddress::new(peer, id)])
    }

    pub fn bind(&mut self, number: u16, peer: SocketAddr) -> Vec<u8> {
        let id = self.id();
        self.request_as(CHANNEL_BIND, id, &[&ChannelNumber::new(number), &XorPeerAddress::new(peer, id)])
    }
}

pub fn begin(class: MessageClass, method: Method, id: TransactionId) -> MessageWriteVec {
    Message::builder(MessageType::from_class_method(class, method), id, MessageWriteVec::new())
}

/// A request that nobody signed.
pub fn unsigned(method: Method, id: u128, attributes: Attributes<'_>) -> Vec<u8> {
    let mut message = begin(MessageClass::Request, method, id.into());
    for attribute in attributes {
        message.add_attribute(*attribute).unwrap();
    }
    message.finish()
}

pub fn binding(id: u128) -> Vec<u8> {
    unsigned(BINDING, id, &[])
}

pub fn bare_allocate(id: u128) -> Vec<u8> {
    unsigned(ALLOCATE, id, &[&RequestedTransport::new(17)])
}

pub fn send(peer: SocketAddr, data: &[u8]) -> Vec<u8> {
    let mut message = begin(MessageClass::Indication, SEND, 77.into());
    message.add_attribute(&XorPeerAddress::new(peer, 77.into())).unwrap();
    message.add_attribute(&Data::new(data)).unwrap();
    message.finish()
}

pub fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer(pub Vec<u8>);

impl Answer {
    pub fn read<T>(&self, read: impl FnOnce(&Message<'_>) -> T) -> T {
        read(&Message::from_bytes(&self.0).unwrap())
    }

    /// The error code; 0 for a success.
    pub fn code(&self) -> u16 {
        self.read(|message| match message.class() {
            MessageClass::Success => 0,
            MessageClass::Error => message.attribute::<ErrorCode>().unwrap().code(),
            class => panic!("{class:?} is no reply"),
        })
    }

    /// Whether it is the success of an Allocate.
    pub fn is_allocated(&self) -> bool {
        self.read(|message| message.has_class(MessageClass::Success) && message.has_method(ALLOCATE))
    }

    pub fn id(&self) -> u128 {
        self.read(|message| message.transaction_id().into())
    }

    pub fn lifetime(&self) -> u32 {
        self.read(|message| message.attribute::<Lifetime>().unwrap().seconds())
    }

    pub fn relayed(&self) -> SocketAddr {
        self.read(|message| message.attribute::<XorRelayedAddress>().unwrap().addr(message.transaction_id()))
    }

    pub fn mapped(&self) -> SocketAddr {
        self.read(|message| message.attribute::<XorMappedAddress>().unwrap().addr(message.transaction_id()))
    }

    pub fn is_signed_for(&self, speaker: &Speaker) -> bool {
        self.read(|message| message.validate_integrity(&speaker.credentials()).ok()) == Some(speaker.algorithm)
    }
}
