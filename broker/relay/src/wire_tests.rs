//! Reading and writing STUN messages.

use super::*;

/// Bytes of an RFC's test vector.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/vectors/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// A Send indication, its attributes as they are.
fn indication(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = [&[0, 0x16, 0, 0][..], &COOKIE, &[9; 12]].concat();
    for (kind, value) in attributes {
        bytes.extend(kind.to_be_bytes());
        bytes.extend((value.len() as u16).to_be_bytes());
        bytes.extend(*value);
        bytes.resize(bytes.len() + padding(value.len()), 0);
    }
    let length = (bytes.len() - HEADER) as u16;
    bytes[2..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// 192.0.2.1:32853, masked.
const PEER: &[u8] = &[0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];

#[test]
fn a_datagram_is_told_by_its_first_bits_and_its_length() {
    let request = vector("rfc5769-request");
    assert_eq!(kind(&request), Some(Kind::Stun));
    assert_eq!(kind(&indication(&[])), Some(Kind::Send));
    assert_eq!(kind(&[0x40, 0]), Some(Kind::Channel));
    assert_eq!(kind(&[0x7f]), Some(Kind::Channel));
    for noise in [&[][..], &[0x80, 0, 0, 0], &[0xff; 40], &[0; 20], &request[..request.len() - 1], &request[..3]] {
        assert_eq!(kind(noise), None);
    }
    let longer = [&request[..], &[0; 4]].concat();
    assert_eq!(kind(&longer), None, "a datagram ends where its message ends");
}

#[test]
fn channel_data_is_as_long_as_it_says() {
    assert_eq!(channel_data(&[0x40, 1, 0, 2, 7, 8]), Some((0x4001, 4..6)));
    assert_eq!(channel_data(&[0x40, 1, 0, 2, 7, 8, 0, 0]), Some((0x4001, 4..6)));
    assert_eq!(channel_data(&[0x40, 1, 0, 0]), Some((0x4001, 4..4)));
    assert_eq!(channel_data(&[0x40, 1, 0, 3, 7, 8]), None);
    assert_eq!(channel_data(&[0x40, 1, 0]), None);
}

#[test]
fn a_send_indication_tells_peer_and_data() {
    let peer = "192.0.2.1:32853".parse().unwrap();
    let bytes = indication(&[(XOR_PEER_ADDRESS, PEER), (DATA, b"hello")]);
    let (to, data) = send_indication(&bytes).unwrap();
    assert_eq!((to, &bytes[data]), (peer, &b"hello"[..]));
    let bytes = indication(&[(0x8022, b"some software"), (DATA, b""), (XOR_PEER_ADDRESS, PEER), (DATA, b"more")]);
    let (to, data) = send_indication(&bytes).unwrap();
    assert_eq!((to, data.len()), (peer, 0), "the first of each counts");
}

#[test]
fn a_send_indication_that_is_not_wholly_understood_is_dropped() {
    let whole: [(u16, &[u8]); 2] = [(XOR_PEER_ADDRESS, PEER), (DATA, b"hello")];
    assert!(send_indication(&indication(&whole)).is_some());
    assert_eq!(send_indication(&indication(&whole[..1])), None);
    assert_eq!(send_indication(&indication(&whole[1..])), None);
    for (strange, value) in [(0x001a, &b""[..]), (0x0024, &[0; 4]), (0x7fff, &[]), (FINGERPRINT, &[1, 2, 3, 4])] {
        assert_eq!(send_indication(&indication(&[whole[0], whole[1], (strange, value)])), None, "{strange:#x}");
    }
    for peer in [&PEER[..7], &[0; 8], &[0, 3, 0, 0, 0, 0, 0, 0], &[0, 2, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(send_indication(&indication(&[(XOR_PEER_ADDRESS, peer), whole[1]])), None);
    }
    let mut long = indication(&whole);
    long[35] = 200;
    assert_eq!(send_indication(&long), None, "an attribute ends before its message does");
}

#[test]
fn the_vectors_of_the_rfcs_are_sound_and_broken_ones_are_not() {
    for name in ["rfc5769-request", "rfc5769-response-ipv4", "rfc5769-response-ipv6"] {
        let bytes = vector(name);
        assert!(is_sound(&bytes), "{name}");
        for place in (0..bytes.len()).filter(|place| !(2..4).contains(place)) {
            let mut broken = bytes.clone();
            broken[place] ^= 1;
            // The last eight are FINGERPRINT: one that is no longer recognised as such is none.
            let hides = place == bytes.len() - 8 || place == bytes.len() - 7;
            assert!(!is_sound(&broken) || hides || kind(&broken).is_none(), "{name}, byte {place}");
        }
    }
    assert!(is_sound(&vector("rfc5769-long-term")) && is_sound(&vector("rfc8489-sha256")));
}

#[test]
fn heads_are_what_the_codecs_read() {
    use stun_types::message::Message;
    use turn_types::attribute::{Data, XorPeerAddress};
    for peer in ["192.0.2.1:5000", "[2001:db8::1]:5000"].map(|peer| peer.parse::<SocketAddr>().unwrap()) {
        for payload in [&b""[..], b"1", b"12", b"123", b"1234", &[5; 1200]] {
            let framing = Framing::Indication(peer, [3; 12]);
            let mut bytes = vec![0; framing.head_bytes()];
            framing.write_head(payload.len(), &mut bytes);
            bytes.extend(payload);
            bytes.resize(bytes.len() + framing.tail_bytes(payload.len(), false), 0);
            assert_eq!(front(&bytes, 2000), Front::Whole(bytes.len(), bytes.len()));
            let message = Message::from_bytes(&bytes).unwrap();
            assert_eq!(message.attribute::<XorPeerAddress>().unwrap().addr(message.transaction_id()), peer);
            assert_eq!(message.attribute::<Data<'_>>().unwrap().data(), payload);
            assert!(framing.head_bytes() <= HEADROOM && framing.tail_bytes(payload.len(), true) <= TAILROOM);
        }
    }
    let framing = Framing::Channel(0x4abc);
    let mut head = [0; 4];
    framing.write_head(5, &mut head);
    assert_eq!(head, [0x4a, 0xbc, 0, 5]);
    assert_eq!((framing.tail_bytes(5, false), framing.tail_bytes(5, true)), (0, 3));
}

#[test]
fn a_stream_is_cut_where_its_messages_end() {
    let request = vector("rfc5769-request");
    assert_eq!(front(&request, 2000), Front::Whole(108, 108));
    assert_eq!(front(&request[..107], 2000), Front::Part(108));
    assert_eq!(front(&request, 107), Front::Noise, "too long");
    assert_eq!(front(&[0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0, 9], 2000), Front::Whole(9, 12));
    assert_eq!(front(&[0x40, 0, 0, 5, 1, 2, 3, 4, 5, 0, 0], 2000), Front::Part(12));
    assert_eq!(front(&[], 2000), Front::Part(4));
    assert_eq!(front(&[0, 1], 2000), Front::Part(4));
    for noise in
        [&b"GET / HTTP/1.1"[..], &[0x16, 3, 1, 0, 200, 1], &[0x80], &[0xff; 4], &[0, 1, 0, 3], &[0, 1, 0, 0, 0x22]]
    {
        assert_eq!(front(noise, 2000), Front::Noise, "{noise:?}");
    }
}
