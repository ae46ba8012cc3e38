//! How everything is spelled that is sent: what is read is written again to the letter, escapes and order included.

use klatch_shared::json::FromJson;
use klatch_shared::peer::{Description, IceCandidate, PeerMessage};
use klatch_shared::wire::{Admitted, Empty, IceServers, Peeked, Request, ServerFrame, ok_frame};

const REQUESTS: &[&str] = &[
    r#"{"id":1,"verb":"create","member":"M","key":"K32","proof":"K64","seat":"K32","invite":"K32","name":"AAAA","card":"BBBB","session":"K16"}"#,
    r#"{"id":1,"verb":"create","member":"M","key":"K32","proof":"K64","seat":"K32","invite":"K32","name":"AAAA","card":"BBBB","session":"K16","code":"a \"secret\""}"#,
    r#"{"id":-2,"verb":"join","member":"M","key":"K32","proof":"K64","admission":{"invite":{"token":"K16","seat":"K32"}},"card":"AAAA","session":"K16"}"#,
    r#"{"id":3,"verb":"join","member":"M","key":"K32","proof":"K64","admission":{"seat":{"token":"K32"}},"card":"AAAA","session":"K16"}"#,
    r#"{"id":4,"verb":"revive","member":"M","key":"K32","proof":"K64","token":"K32","ordinal":1,"card":"AAAA","session":"K16","account":{"creator":"M","locked":true,"name":"AAAA","invite":"K32","next_ordinal":3,"seats":[{"member":"M","ordinal":2,"latch":"K32"}]}}"#,
    r#"{"id":4,"verb":"revive","member":"M","key":"K32","proof":"K64","token":"K32","ordinal":1,"card":"AAAA","session":"K16","account":{"creator":"M","locked":true,"name":"AAAA","invite":"K32","next_ordinal":3,"seats":[]},"code":"K16"}"#,
    r#"{"id":9223372036854775807,"verb":"leave"}"#,
    r#"{"id":-9223372036854775808,"verb":"forget"}"#,
    r#"{"id":0,"verb":"forget","token":"K32"}"#,
    r#"{"id":1,"verb":"card","card":"AAAA"}"#,
    r#"{"id":1,"verb":"lock","locked":true}"#,
    r#"{"id":1,"verb":"end"}"#,
    r#"{"id":1,"verb":"offer","to":"M","exchange":4294967295,"body":"AAAA"}"#,
    r#"{"id":1,"verb":"answer","to":"M","exchange":1,"body":"AAAA"}"#,
    r#"{"id":1,"verb":"candidate","to":"M","exchange":1,"side":"offerer","sequence":2,"body":"AAAA"}"#,
    r#"{"id":1,"verb":"candidate","to":"M","exchange":1,"side":"answerer","sequence":2,"body":"AAAA"}"#,
    r#"{"id":1,"verb":"peek","rooms":[]}"#,
    r#"{"id":1,"verb":"peek","rooms":[{"room":"R","token":{"seat":"K32"}},{"room":"R","token":{"invite":"K16"}}]}"#,
    r#"{"id":1,"verb":"host-code","code":"Käse und Brot"}"#,
    r#"{"id":1,"verb":"ice-servers"}"#,
    r#"{"id":1,"verb":"ping"}"#,
];

const EVENTS: &[&str] = &[
    r#"{"event":"hello","nonce":"K16","version":"1","max_members":12,"max_frame_bytes":65536}"#,
    r#"{"event":"hello","nonce":"K16","version":"1","max_members":12,"max_frame_bytes":1,"public_url":"https://klatch.example","client":"0123456789012345"}"#,
    r#"{"event":"hello","nonce":"K16","version":"1","max_members":12,"max_frame_bytes":1,"imprint":"https://a.example/i","privacy":"https://a.example/p","host_code":true}"#,
    r#"{"event":"joined","member":"M","ordinal":7,"presence":"present","latch":"K32","session":"K16","card":"AAAA"}"#,
    r#"{"event":"back","member":"M","ordinal":7,"presence":"away","latch":"K32","session":"K16","card":"AAAA"}"#,
    r#"{"event":"away","member":"M"}"#,
    r#"{"event":"left","member":"M"}"#,
    r#"{"event":"forgotten","member":"M"}"#,
    r#"{"event":"card","member":"M","card":"AAAA"}"#,
    r#"{"event":"locked","locked":false}"#,
    r#"{"event":"ended"}"#,
    r#"{"event":"offer","from":"M","exchange":1,"body":"AAAA"}"#,
    r#"{"event":"answer","from":"M","exchange":1,"body":"AAAA"}"#,
    r#"{"event":"candidate","from":"M","exchange":1,"side":"answerer","sequence":2,"body":"AAAA"}"#,
];

const REFUSALS: &[&str] = &[
    r#"{"id":1,"error":{"code":"room-locked","reason":"\"Locked\" — \\ 🔒\u0001\b\f\n\r\t/"}}"#,
    r#"{"id":null,"error":{"code":"too-many-rooms","reason":""}}"#,
];

const PEERS: &[&str] = &[
    r#"{"say":"received","prints":"AAAAAAAAAAA"}"#,
    r#"{"say":"digest","digest":"K16","at":18446744073709551615}"#,
    r#"{"say":"have","prints":"AAAAAAAAAAA","aside":1}"#,
    r#"{"say":"lacked","cards":[],"messages":[]}"#,
    r#"{"say":"sends","microphone":true,"camera":false,"screen":true,"screen_sound":false}"#,
    r#"{"say":"wants","camera":0,"screen":65535}"#,
    r#"{"say":"bye","left":true}"#,
    r#"{"say":"bye","left":false}"#,
    r#"{"say":"pulse","reaches":["M","M"],"open":true}"#,
    r#"{"say":"pulse","reaches":[],"open":false}"#,
    r#"{"say":"signal","from":"M","to":"M","exchange":7,"side":"answerer","sequence":3,"body":"AAAA"}"#,
];

const DESCRIPTIONS: &[&str] = &[
    r#"{"sdp":"v=0\r\n","sources":[["0","microphone"],["1","camera"],["2","screen"],["x\"y","screen-sound"]]}"#,
    r#"{"sdp":"","sources":[]}"#,
];

const CANDIDATES: &[&str] = &[
    r#"{"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","mid":"0","line":0,"ufrag":"a/+"}"#,
    r#"{"candidate":""}"#,
    r#"{"candidate":"","line":65535}"#,
];

/// A sample with its ids and bytes in it.
fn spelled(sample: &str) -> String {
    let filled = sample.replace("\"M\"", r#""01010101-0101-4101-8101-010101010101""#);
    let filled = filled.replace("\"R\"", r#""018f3b2e-0000-8000-8000-0000000000ab""#);
    // As many characters as make 16, 32 and 64 bytes.
    let bytes = [("K16", 22), ("K32", 43), ("K64", 86)];
    bytes.iter().fold(filled, |text, (name, length)| text.replace(name, &"A".repeat(*length)))
}

#[test]
fn a_request_is_written_as_it_is_read() {
    for text in REQUESTS.iter().map(|sample| spelled(sample)) {
        assert_eq!(Request::parse(&text).expect(&text).to_frame(), text);
    }
}

#[test]
fn what_the_broker_says_is_written_as_it_is_read() {
    for text in EVENTS.iter().map(|sample| spelled(sample)) {
        let ServerFrame::Event(event) = ServerFrame::parse(&text) else { panic!("no event: {text}") };
        assert_eq!(event.to_frame(), text);
    }
    for text in REFUSALS {
        let ServerFrame::Reply { id, outcome: Err(refusal) } = ServerFrame::parse(text) else { panic!("none: {text}") };
        assert_eq!(refusal.to_frame(id), *text);
    }
}

#[test]
fn a_reply_is_written_as_it_is_read() {
    let member = r#"{"member":"M","ordinal":0,"presence":"left","latch":"K32","session":"K16","card":"AAAA"}"#;
    let admitted = format!(
        r#"{{"ordinal":1,"creator":"M","locked":false,"name":"AAAA","members":[{member},{member}],"reserved":["M"],"revived":7}}"#
    );
    let alive = r#"{"room":"R","ok":{"present":0,"locked":true,"full":false,"name":"AAAA","expires_in":86400000}}"#;
    let full = r#"{"room":"R","ok":{"present":12,"locked":false,"full":true,"name":"AAAA"}}"#;
    let refused = r#"{"room":"R","error":{"code":"unknown-room","reason":"None."}}"#;
    let peeked = format!(r#"{{"rooms":[{alive},{full},{refused}]}}"#);
    let servers = r#"{"ice_servers":[{"urls":["stun:a","turn:b"]},{"urls":[],"username":"1:a","credential":"b="}]}"#;

    fn written<T: FromJson>(json: &str, write: impl Fn(&T) -> String) -> String {
        write(&T::from_json(json).expect(json))
    }
    let (admitted, peeked) = (spelled(&admitted), spelled(&peeked));
    assert_eq!(written(&admitted, |it: &Admitted| ok_frame(1, it)), format!(r#"{{"id":1,"ok":{admitted}}}"#));
    assert_eq!(written(&peeked, |it: &Peeked| ok_frame(1, it)), format!(r#"{{"id":1,"ok":{peeked}}}"#));
    assert_eq!(written(servers, |it: &IceServers| ok_frame(1, it)), format!(r#"{{"id":1,"ok":{servers}}}"#));
    assert_eq!(written("{}", |it: &Empty| ok_frame(1, it)), r#"{"id":1,"ok":{}}"#);
}

#[test]
fn what_members_say_is_written_as_it_is_read() {
    for text in PEERS.iter().map(|sample| spelled(sample)) {
        assert_eq!(PeerMessage::parse(&text).expect(&text).to_text(), text);
    }
    for text in DESCRIPTIONS {
        assert_eq!(Description::parse(text.as_bytes()).expect(text).to_text(), text.as_bytes());
    }
    for text in CANDIDATES {
        assert_eq!(IceCandidate::parse(text.as_bytes()).expect(text).to_text(), text.as_bytes());
    }
}
