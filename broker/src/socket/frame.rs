//! WebSocket frames (RFC 6455 §5) as a server reads and writes them: pure, bytes in, messages out.
//!
//! Written here rather than taken from a library for the sake of idle connections: a library keeps its buffers, as large
//! as the largest frame that ever passed, for as long as a connection lives. Here an idle connection has none.

use std::ops::Range;

use klatch_shared::limits::MAX_FRAME_BYTES;

/// Control frames are at most this large (§5.5).
const MAX_CONTROL_BYTES: usize = 125;

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CONTINUATION: u8 = 0x0;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FINAL: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// Takes bytes in as they come, and gives messages out.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// What came and was not given out yet.
    held: Vec<u8>,
    /// Up to where that was given out.
    start: usize,
    /// A message that comes in several frames.
    parts: Option<Parts>,
    current: Current,
}

#[derive(Debug)]
struct Parts {
    kind: Received,
    bytes: Vec<u8>,
}

/// Where the payload of the latest message is.
#[derive(Debug, Default)]
enum Current {
    #[default]
    Nothing,
    Held(Range<usize>),
    Parts(Vec<u8>),
}

/// What came. [`Decoder::payload`] is what was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A message of text, if it is UTF-8.
    Text,
    /// A message of something else.
    Binary,
    /// A frame of a message that is not complete yet.
    Part,
    /// To be answered with its payload.
    Ping,
    /// An answer.
    Pong,
    /// The other end closes.
    Close,
}

/// Why nothing more can be read, as §7.4.1 codes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// 1009.
    TooLarge,
    /// 1007.
    NotUtf8,
    /// 1002.
    NotWebSocket,
}

impl Decoder {
    /// Takes in what was read.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.let_go();
        if self.start > 0 {
            self.held.drain(..self.start);
            self.start = 0;
        }
        self.held.extend_from_slice(bytes);
    }

    /// The next message, if it is there. Its payload stays until the next call.
    ///
    /// # Errors
    /// [`Unusable`], after which nothing more is to be read.
    pub(super) fn next(&mut self) -> Result<Option<Received>, Unusable> {
        self.let_go();
        let Some(head) = Head::parse(&self.held[self.start..])? else { return Ok(None) };
        let before = self.parts.as_ref().map_or(0, |parts| parts.bytes.len());
        let payload = match usize::try_from(head.size) {
            Ok(size) if before.saturating_add(size) <= MAX_FRAME_BYTES || is_control(head.code) => {
                let from = self.start + head.length;
                from..from + size
            }
            _ => return Err(Unusable::TooLarge),
        };
        if self.held.len() < payload.end {
            return Ok(None);
        }
        unmask(&mut self.held[payload.clone()], head.mask);
        self.start = payload.end;
        self.receive(&head, payload).map(Some)
    }

    /// What was in the latest message.
    pub(super) fn payload(&self) -> &[u8] {
        match &self.current {
            Current::Nothing => &[],
            Current::Held(range) => &self.held[range.clone()],
            Current::Parts(bytes) => bytes,
        }
    }

    /// The same as text.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn text(&self) -> Result<&str, Unusable> {
        std::str::from_utf8(self.payload()).map_err(|_| Unusable::NotUtf8)
    }

    fn receive(&mut self, head: &Head, payload: Range<usize>) -> Result<Received, Unusable> {
        let kind = match head.code {
            TEXT => Received::Text,
            BINARY => Received::Binary,
            CONTINUATION => return self.receive_part(head, payload),
            CLOSE => {
                check_closing(&self.held[payload.clone()])?;
                Received::Close
            }
            PING => Received::Ping,
            PONG => Received::Pong,
            _ => return Err(Unusable::NotWebSocket),
        };
        if !is_control(head.code) {
            if self.parts.is_some() {
                return Err(Unusable::NotWebSocket);
            }
            if !head.is_final {
                self.parts = Some(Parts { kind, bytes: self.held[payload].to_vec() });
                return Ok(Received::Part);
            }
        }
        self.current = Current::Held(payload);
        Ok(kind)
    }

    fn receive_part(&mut self, head: &Head, payload: Range<usize>) -> Result<Received, Unusable> {
        let mut parts = self.parts.take().ok_or(Unusable::NotWebSocket)?;
        parts.bytes.extend_from_slice(&self.held[payload]);
        if head.is_final {
            self.current = Current::Parts(parts.bytes);
            Ok(parts.kind)
        } else {
            self.parts = Some(parts);
            Ok(Received::Part)
        }
    }

    /// Forgets what was given out, and its memory with it once nothing else is held.
    fn let_go(&mut self) {
        self.current = Current::Nothing;
        if self.start == self.held.len() {
            (self.held, self.start) = (Vec::new(), 0);
        }
    }
}

/// A frame's header as a client sends it.
struct Head {
    is_final: bool,
    code: u8,
    size: u64,
    mask: [u8; 4],
    /// How many bytes it takes itself.
    length: usize,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Unusable> {
        let Some(([first, second], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        let (is_final, code) = (first & FINAL != 0, first & 0x0F);
        let is_known = matches!(code, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG);
        if first & RESERVED != 0 || second & MASKED == 0 || !is_known {
            return Err(Unusable::NotWebSocket);
        }
        let size = match second & !MASKED {
            126 => rest.split_first_chunk().map(|(size, rest)| (u64::from(u16::from_be_bytes(*size)), rest)),
            127 => rest.split_first_chunk().map(|(size, rest)| (u64::from_be_bytes(*size), rest)),
            size => Some((u64::from(size), rest)),
        };
        let Some((size, rest)) = size else { return Ok(None) };
        if is_control(code) && (!is_final || size > MAX_CONTROL_BYTES as u64) {
            return Err(Unusable::NotWebSocket);
        }
        if size > MAX_FRAME_BYTES as u64 {
            return Err(Unusable::TooLarge);
        }
        let Some((mask, rest)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some(Self { is_final, code, size, mask: *mask, length: bytes.len() - rest.len() }))
    }
}

fn is_control(code: u8) -> bool {
    code & 0x8 != 0
}

/// §5.5.1 and §7.4: nothing, or a code that may be sent and a reason in UTF-8.
fn check_closing(payload: &[u8]) -> Result<(), Unusable> {
    if payload.is_empty() {
        return Ok(());
    }
    let (code, reason) = payload.split_first_chunk().ok_or(Unusable::NotWebSocket)?;
    if !matches!(u16::from_be_bytes(*code), 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Unusable::NotWebSocket);
    }
    std::str::from_utf8(reason).map(|_| ()).map_err(|_| Unusable::NotUtf8)
}

/// §5.3; eight bytes at a time.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = payload.as_chunks_mut();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

/// A frame's header as a server sends it: final, not masked.
#[derive(Clone, Copy, Default)]
pub(super) struct Header {
    bytes: [u8; 10],
    length: u8,
}

impl Header {
    /// Of a message of text.
    pub(super) fn text(size: usize) -> Self {
        Self::new(TEXT, size)
    }

    /// Of a ping.
    pub(super) fn ping(size: usize) -> Self {
        Self::new(PING, size)
    }

    /// Of the answer to one.
    pub(super) fn pong(size: usize) -> Self {
        Self::new(PONG, size)
    }

    /// Of a close.
    pub(super) fn close(size: usize) -> Self {
        Self::new(CLOSE, size)
    }

    /// As it is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn new(code: u8, size: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = FINAL | code;
        let length = match (u8::try_from(size), u16::try_from(size)) {
            (Ok(size), _) if size < 126 => {
                bytes[1] = size;
                2
            }
            (_, Ok(size)) => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&size.to_be_bytes());
                4
            }
            _ => {
                bytes[1] = 127;
                bytes[2..10].copy_from_slice(&(size as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, length }
    }
}

impl Unusable {
    /// The close code.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::TooLarge => 1009,
            Self::NotUtf8 => 1007,
            Self::NotWebSocket => 1002,
        }
    }

    /// What the close frame says.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "frame too large",
            Self::NotUtf8 => "not UTF-8",
            Self::NotWebSocket => "not WebSocket",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    /// A client's frame.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Header::new(first & 0x0F, payload.len()).bytes().to_vec();
        bytes[0] = first;
        bytes[1] |= MASKED;
        bytes.extend(MASK);
        let from = bytes.len();
        bytes.extend(payload);
        unmask(&mut bytes[from..], MASK);
        bytes
    }

    type Message = (Received, Vec<u8>);

    /// All that comes of some bytes, and what remains.
    fn decode(chunks: &[&[u8]]) -> (Vec<Message>, Result<Decoder, Unusable>) {
        let (mut decoder, mut all) = (Decoder::default(), Vec::new());
        for chunk in chunks {
            decoder.feed(chunk);
            loop {
                match decoder.next() {
                    Ok(Some(received)) => all.push((received, decoder.payload().to_vec())),
                    Ok(None) => break,
                    Err(unusable) => return (all, Err(unusable)),
                }
            }
        }
        (all, Ok(decoder))
    }

    fn error(bytes: &[u8]) -> Option<Unusable> {
        decode(&[bytes]).1.err()
    }

    #[test]
    fn the_examples_of_the_rfc_are_read_as_it_says() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(decode(&[&hello]).0, [(Received::Text, b"Hello".to_vec())]);
        let pong = [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(decode(&[&pong]).0, [(Received::Pong, b"Hello".to_vec())]);
        assert_eq!(Header::text(5).bytes(), [0x81, 0x05]);
        assert_eq!(Header::text(256).bytes(), [0x81, 0x7e, 0x01, 0x00]);
        assert_eq!(Header::text(65_536).bytes(), [0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_message_may_come_in_parts_with_control_frames_between() {
        let bytes =
            [frame(0x01, b"Hel"), frame(0x89, b"?"), frame(0x00, b""), frame(0x80, b"lo"), frame(0x82, b"x")].concat();
        let (all, rest) = decode(&[&bytes]);
        let nothing = Vec::new();
        let wanted = [
            (Received::Part, nothing.clone()),
            (Received::Ping, b"?".to_vec()),
            (Received::Part, nothing),
            (Received::Text, b"Hello".to_vec()),
            (Received::Binary, b"x".to_vec()),
        ];
        assert_eq!((all, rest.is_ok()), (wanted.to_vec(), true));
    }

    #[test]
    fn what_the_rfc_forbids_is_refused() {
        for (bytes, what) in [
            (vec![0x81, 0x05], "not masked"),
            (frame(0xC1, b""), "a reserved bit"),
            (frame(0x83, b""), "a reserved code for data"),
            (frame(0x8B, b""), "a reserved code for control"),
            (frame(0x80, b""), "a continuation of nothing"),
            (frame(0x00, b""), "a continuation of nothing"),
            ([frame(0x01, b""), frame(0x81, b"")].concat(), "a message within a message"),
            (frame(0x09, b""), "a ping in parts"),
            (frame(0x89, &[0; 126]), "a large ping"),
            (frame(0x88, b"x"), "half a close code"),
            (frame(0x88, &1005_u16.to_be_bytes()), "a close code that is never sent"),
            (frame(0x88, &2000_u16.to_be_bytes()), "a close code that means nothing"),
        ] {
            assert_eq!(error(&bytes), Some(Unusable::NotWebSocket), "{what}");
        }
        assert_eq!(error(&frame(0x88, &[0x03, 0xe8, 0xff])), Some(Unusable::NotUtf8));
        for fine in [&[][..], &[0x03, 0xe8], &[0x0f, 0xa1, b'!']] {
            assert_eq!(error(&frame(0x88, fine)), None);
        }
    }

    #[test]
    fn a_message_of_the_greatest_size_is_taken_and_a_larger_one_refused_by_its_header() {
        let (most, too_many) = (vec![b'x'; MAX_FRAME_BYTES], vec![b'x'; MAX_FRAME_BYTES + 1]);
        assert_eq!(decode(&[&frame(0x81, &most)]).0.len(), 1);
        assert_eq!(error(&frame(0x81, &too_many)[..10]), Some(Unusable::TooLarge));
        assert_eq!(error(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Some(Unusable::TooLarge));
        let parts = [frame(0x01, &most), frame(0x80, b"")].concat();
        assert_eq!(error(&parts), None);
        assert_eq!(error(&[frame(0x01, &most), frame(0x80, b"x")].concat()), Some(Unusable::TooLarge));
        assert_eq!(error(&[frame(0x01, &most), frame(0x89, b"x")].concat()), None, "a ping is no part of it");
    }

    #[test]
    fn text_is_utf8_and_binary_need_not_be() {
        let mut decoder = Decoder::default();
        decoder.feed(&[frame(0x81, "é".as_bytes()), frame(0x81, &[0xff]), frame(0x82, &[0xff])].concat());
        assert_eq!(decoder.next(), Ok(Some(Received::Text)));
        assert_eq!(decoder.text(), Ok("é"));
        assert_eq!(decoder.next(), Ok(Some(Received::Text)));
        assert_eq!(decoder.text(), Err(Unusable::NotUtf8));
        assert_eq!(decoder.next(), Ok(Some(Received::Binary)));
        assert_eq!(decoder.payload(), [0xff]);
    }

    #[test]
    fn nothing_is_held_of_what_was_given_out() {
        let (_, decoder) = decode(&[&frame(0x81, &[b'x'; 5000]), &frame(0x01, b"a"), &frame(0x80, b"b")]);
        let decoder = decoder.expect("good frames");
        assert_eq!((decoder.held.capacity(), decoder.parts.is_none(), decoder.payload()), (0, true, &[][..]));
    }

    /// Messages as a client may send them: text or binary in some parts, with pings between.
    fn messages() -> impl Strategy<Value = Vec<(bool, Vec<Vec<u8>>, bool)>> {
        let bytes = |sizes| prop::collection::vec(any::<u8>(), sizes);
        let part = prop_oneof![bytes(0..20), bytes(120..130)];
        prop::collection::vec((any::<bool>(), prop::collection::vec(part, 1..4), any::<bool>()), 0..8)
    }

    proptest! {
        #[test]
        fn messages_arrive_as_they_were_however_the_bytes_are_cut(messages in messages(), cuts in prop::collection::vec(1..40_usize, 1..9)) {
            let (mut bytes, mut wanted) = (Vec::new(), Vec::new());
            for (is_text, parts, ping) in &messages {
                for (index, part) in parts.iter().enumerate() {
                    let code = if index > 0 { CONTINUATION } else if *is_text { TEXT } else { BINARY };
                    let end = if index + 1 == parts.len() { FINAL } else { 0 };
                    bytes.extend(frame(code | end, part));
                    if *ping {
                        bytes.extend(frame(FINAL | PING, b"p"));
                    }
                }
                wanted.push((if *is_text { Received::Text } else { Received::Binary }, parts.concat()));
            }
            let (mut rest, mut chunks) = (&bytes[..], Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = after;
            }
            let (all, decoder) = decode(&chunks);
            prop_assert!(decoder.is_ok());
            let whole = all.into_iter().filter(|(kind, _)| matches!(kind, Received::Text | Received::Binary));
            prop_assert_eq!(whole.collect::<Vec<_>>(), wanted);
        }

        #[test]
        fn no_bytes_make_it_panic_or_hold_more_than_a_message(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20), masked in any::<bool>()) {
            let mut decoder = Decoder::default();
            for mut chunk in chunks {
                if masked && chunk.len() > 1 {
                    // Bytes that are not refused at once.
                    chunk[0] &= !RESERVED;
                    chunk[1] |= MASKED;
                }
                decoder.feed(&chunk);
                while let Ok(Some(_)) = decoder.next() {
                    prop_assert!(decoder.payload().len() <= MAX_FRAME_BYTES);
                    let _ = decoder.text();
                }
                prop_assert!(decoder.held.len() <= 20 * 300);
            }
        }
    }
}
