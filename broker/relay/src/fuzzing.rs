//! What the fuzz targets delegate to: everything that strangers and members can send, at the parsers and at the core.

use std::sync::Arc;

use stun_types::message::{Message, MessageClass, MessageType, MessageWrite, MessageWriteVec, Method};

use crate::admission::Everyone;
use crate::core::{Client, Core, Now, Seeds, Settings, Slot, Step};
use crate::credentials::{KeyAlgorithm, Secret, Username};
use crate::integrity::{Seal, sign};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::wire::{self, Front};

/// Whatever is parsed lies within what was given.
pub fn parse(bytes: &[u8]) {
    let within = |range: &std::ops::Range<usize>| assert!(range.start <= range.end && range.end <= bytes.len());
    if let Front::Whole(message, all) = wire::front(bytes, 10_000) {
        assert!(message <= all && all <= bytes.len() && all >= 4);
    }
    match wire::kind(bytes) {
        Some(wire::Kind::Channel) => wire::channel_data(bytes).iter().for_each(|(_, range)| within(range)),
        Some(wire::Kind::Send) => wire::send_indication(bytes).iter().for_each(|(_, range)| within(range)),
        // What is sound to us, the codec can read.
        Some(wire::Kind::Stun) => assert!(!wire::is_sound(bytes) || Message::from_bytes(bytes).is_ok()),
        None => {}
    }
}

/// Three members, of whom each piece of `script` is something that one says: as it is, or as a request that is signed.
/// Strangers never get anywhere, and what is relayed lies within what was said. How many allocations there are at the end.
pub fn play(script: &[u8]) -> usize {
    let secret = Secret::new(b"secret").expect("it is not empty");
    let username: Username = "99999999999:ana".parse().expect("it is one");
    let realm: crate::Realm = "realm".parse().expect("it is one");
    let key = secret.key(KeyAlgorithm::Md5, &username, &realm);
    let (relayed, policy) = (vec!["198.51.100.1".parse().expect("it is one")], Policy::default());
    let limits = Limits { allocations: 2, permissions: 3, channels: 3, ..Limits::default() };
    let seeds = Seeds { nonces: [1; 32], indications: [2; 12] };
    let admission = Arc::new(Everyone);
    let mut core = Core::new(Settings { secret, realm, policy, relayed, limits, admission }, &seeds);
    let mut now = Now { millis: 0, unix: 1 };
    let (mut rest, mut port, mut has_signed) = (script, 50_000, false);
    while let [who, length, tail @ ..] = rest {
        let (said, others) = tail.split_at(tail.len().min(usize::from(*length)));
        rest = others;
        let client = Client { door: 0, on_stream: false, address: ([192, 0, 2, who & 3], 1000).into() };
        let request = [0x0003, 0x0004, 0x0008, 0x0009][usize::from(who >> 4 & 3)];
        let message = if who & 4 == 0 {
            said.to_vec()
        } else {
            has_signed = true;
            let nonce = core.nonce(now, &client);
            let kind = MessageType::from_class_method(MessageClass::Request, Method::new(request));
            let mut message = Message::builder(kind, 7.into(), MessageWriteVec::new());
            for (kind, value) in [(0x0006, username.as_str().as_bytes()), (0x0014, b"realm"), (0x0015, &nonce)] {
                message.push_attribute_unchecked(&stun_types::attribute::RawAttribute::new(u16::into(kind), value));
            }
            let mut raw = said;
            while let [kind, length, tail @ ..] = raw {
                let (value, others) = tail.split_at(tail.len().min(usize::from(*length & 31)));
                let attribute = stun_types::attribute::RawAttribute::new(u16::from(*kind).into(), value);
                message.push_attribute_unchecked(&attribute);
                raw = others;
            }
            sign(&mut message, if who & 8 == 0 { Seal::Sha1 } else { Seal::Sha256 }, &key);
            message.finish()
        };
        match core.from_client(now, client, &message) {
            Step::Rest => {}
            Step::Reply(reply) => assert!(reply.len() <= crate::message::MAX_REPLY),
            Step::ToPeer { payload, .. } | Step::ToClient { payload, .. } => {
                assert!(has_signed && payload.start <= payload.end && payload.end <= message.len());
            }
            Step::Open(ticket) => {
                port = if port == u16::MAX { 1024 } else { port + 1 };
                core.opened(now, *ticket, Some(port));
            }
        }
        core.from_peer(now, Slot(u32::from(who & 3)), ([203, 0, 113, who >> 2], 7000).into(), said.len());
        now.millis += u64::from(who >> 6) * 100_000;
        core.tick(now);
        while core.closed().is_some() {}
        assert!(core.allocations() <= 2 && (has_signed || core.allocations() == 0));
    }
    core.allocations()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_is_thrown_at_them_the_parsers_stay_within_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            super::parse(&bytes);
        }

        #[test]
        fn whatever_members_and_strangers_say_the_core_keeps_its_bounds(
            script in prop::collection::vec(any::<u8>(), 0..2000)
        ) {
            super::play(&script);
        }
    }

    #[test]
    fn a_script_can_make_an_allocation() {
        // Signed (4), Allocate (0), REQUESTED-TRANSPORT.
        assert_eq!(super::play(&[4, 6, 0x19, 4, 17, 0, 0, 0]), 1);
    }
}
