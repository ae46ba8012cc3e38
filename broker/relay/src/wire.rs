//! The bytes of the data path, by hand: ChannelData, and Send and Data indications (RFC 8656 §11, §12), without copying or
//! allocating. All other messages go through the codecs.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use stun_types::attribute::Fingerprint;

/// Bytes of a STUN header.
pub(crate) const HEADER: usize = 20;
/// Bytes in front of a payload that the largest head takes: a Data indication with an IPv6 peer.
pub const HEADROOM: usize = HEADER + 24 + 4;
/// Bytes behind a payload that padding takes at most.
pub const TAILROOM: usize = 3;

const COOKIE: [u8; 4] = 0x2112_A442_u32.to_be_bytes();
const SEND_INDICATION: u16 = 0x0016;
const DATA_INDICATION: u16 = 0x0017;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const FINGERPRINT: u16 = 0x8028;

/// The channels that can be bound: RFC 5766's, of which RFC 8656's are the first quarter.
pub(crate) const CHANNELS: Range<u16> = 0x4000..0x8000;

/// The bytes that pad `length` to a multiple of four.
pub const fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

/// What the first bytes say that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole Send indication.
    Send,
    /// Any other whole STUN message.
    Stun,
    /// The beginning of ChannelData.
    Channel,
}

/// Tells by the bits that RFC 8656 §12.4 tells them apart by. A STUN message is as long as it says.
pub(crate) fn kind(bytes: &[u8]) -> Option<Kind> {
    match bytes.first()? >> 6 {
        0 => {
            let length = usize::from(u16_at(bytes, 2)?);
            if !length.is_multiple_of(4) || bytes.len() != HEADER + length || bytes[4..8] != COOKIE {
                return None;
            }
            Some(if u16_at(bytes, 0)? == SEND_INDICATION { Kind::Send } else { Kind::Stun })
        }
        1 => Some(Kind::Channel),
        _ => None,
    }
}

/// ChannelData: the channel's number, and where in `bytes` its data is. Behind the data there may be padding, or whatever.
pub(crate) fn channel_data(bytes: &[u8]) -> Option<(u16, Range<usize>)> {
    let number = u16_at(bytes, 0)?;
    let end = 4 + usize::from(u16_at(bytes, 2)?);
    (end <= bytes.len()).then_some((number, 4..end))
}

/// A Send indication: to whom, and where in `bytes` the data is. `None` as well for one with an attribute that has to be
/// understood and isn't, or with a wrong FINGERPRINT. DONT-FRAGMENT counts as not understood.
pub(crate) fn send_indication(bytes: &[u8]) -> Option<(SocketAddr, Range<usize>)> {
    let (mut peer, mut data) = (None, None);
    for attribute in Attributes::of(bytes) {
        let (kind, range) = attribute?;
        match kind {
            XOR_PEER_ADDRESS if peer.is_none() => peer = Some(xor_address(&bytes[range], bytes)?),
            DATA if data.is_none() => data = Some(range),
            FINGERPRINT if !is_fingerprint(bytes, range.start - 4) => return None,
            FINGERPRINT => break,
            XOR_PEER_ADDRESS | DATA | 0x8000.. => {}
            // Signed indications are not forbidden, only pointless.
            0x0006 | 0x0008 | 0x0014 | 0x0015 | 0x001c => {}
            _ => return None,
        }
    }
    Some((peer?, data?))
}

/// Whether a whole STUN message's attributes lie within it, and its FINGERPRINT, if any, is right.
pub(crate) fn is_sound(bytes: &[u8]) -> bool {
    Attributes::of(bytes).all(|attribute| match attribute {
        Some((FINGERPRINT, range)) => is_fingerprint(bytes, range.start - 4),
        Some(_) => true,
        None => false,
    })
}

/// Whether the FINGERPRINT at this offset is right (RFC 8489 §14.7).
fn is_fingerprint(bytes: &[u8], offset: usize) -> bool {
    let length = (offset + 8 - HEADER) as u16;
    let [high, low] = length.to_be_bytes();
    let checksum = Fingerprint::compute(&[&[bytes[0], bytes[1], high, low], &bytes[4..offset]]);
    let masked: [u8; 4] = std::array::from_fn(|i| checksum[i] ^ b"STUN"[i]);
    bytes[offset..].starts_with(&[0x80, 0x28, 0, 4]) && bytes[offset + 4..].starts_with(&masked)
}

/// The attributes of a whole STUN message: each one's type and where its value is; `None` for one that does not fit.
struct Attributes<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: HEADER }
    }
}

impl Iterator for Attributes<'_> {
    type Item = Option<(u16, Range<usize>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let (Some(kind), Some(length)) = (u16_at(self.bytes, self.at), u16_at(self.bytes, self.at + 2)) else {
            self.at = self.bytes.len();
            return Some(None);
        };
        let start = self.at + 4;
        let end = start + usize::from(length);
        self.at = end + padding(end);
        if self.at > self.bytes.len() {
            return Some(None);
        }
        Some(Some((kind, start..end)))
    }
}

fn xor_address(value: &[u8], message: &[u8]) -> Option<SocketAddr> {
    let port = u16_at(value, 2)? ^ 0x2112;
    let mask = message.get(4..HEADER)?;
    let ip: IpAddr = match (value.get(1)?, value.len()) {
        (1, 8) => std::array::from_fn::<u8, 4, _>(|i| value[4 + i] ^ mask[i]).into(),
        (2, 20) => std::array::from_fn::<u8, 16, _>(|i| value[4 + i] ^ mask[i]).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// How data goes to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As ChannelData.
    Channel(u16),
    /// As a Data indication from this peer, with this transaction id.
    Indication(SocketAddr, [u8; 12]),
}

impl Framing {
    /// Bytes in front of the payload.
    pub fn head_bytes(&self) -> usize {
        match self {
            Self::Channel(_) => 4,
            Self::Indication(SocketAddr::V4(_), _) => HEADER + 12 + 4,
            Self::Indication(SocketAddr::V6(_), _) => HEADER + 24 + 4,
        }
    }

    /// Bytes behind the payload. ChannelData is padded on streams only.
    pub fn tail_bytes(&self, payload: usize, on_stream: bool) -> usize {
        match self {
            Self::Channel(_) if !on_stream => 0,
            Self::Channel(_) | Self::Indication(..) => padding(payload),
        }
    }

    /// Writes the head of `payload` bytes into `head`, which is [`Self::head_bytes`] long.
    pub fn write_head(&self, payload: usize, head: &mut [u8]) {
        let length = payload as u16;
        match self {
            Self::Channel(number) => {
                head[..2].copy_from_slice(&number.to_be_bytes());
                head[2..4].copy_from_slice(&length.to_be_bytes());
            }
            Self::Indication(peer, id) => {
                let data = head.len() - 4;
                let all = (head.len() - HEADER + payload + padding(payload)) as u16;
                head[..2].copy_from_slice(&DATA_INDICATION.to_be_bytes());
                head[2..4].copy_from_slice(&all.to_be_bytes());
                head[4..8].copy_from_slice(&COOKIE);
                head[8..20].copy_from_slice(id);
                head[20..22].copy_from_slice(&XOR_PEER_ADDRESS.to_be_bytes());
                head[22..24].copy_from_slice(&((data - 24) as u16).to_be_bytes());
                head[24] = 0;
                head[25] = if peer.is_ipv4() { 1 } else { 2 };
                head[26..28].copy_from_slice(&(peer.port() ^ 0x2112).to_be_bytes());
                let mask: [u8; 16] = std::array::from_fn(|i| head[4 + i]);
                let xor = |ip: &[u8], into: &mut [u8]| {
                    into.iter_mut().zip(ip.iter().zip(mask)).for_each(|(into, (byte, mask))| *into = byte ^ mask);
                };
                match peer.ip() {
                    IpAddr::V4(ip) => xor(&ip.octets(), &mut head[28..32]),
                    IpAddr::V6(ip) => xor(&ip.octets(), &mut head[28..44]),
                }
                head[data..data + 2].copy_from_slice(&DATA.to_be_bytes());
                head[data + 2..].copy_from_slice(&length.to_be_bytes());
            }
        }
    }
}

/// What is at the beginning of a stream (RFC 8656 §12.4, §12.5: ChannelData is padded there).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// A message of so many bytes, followed by so many in all.
    Whole(usize, usize),
    /// The beginning of one, which takes so many bytes in all, or at least four.
    Part(usize),
    /// Neither STUN nor ChannelData: the stream can't be followed any further.
    Noise,
}

/// Looks for one message at the front of a stream. `most` is the largest that is taken.
pub(crate) fn front(bytes: &[u8], most: usize) -> Front {
    let Some(first) = bytes.first() else { return Front::Part(4) };
    let Some(length) = u16_at(bytes, 2).map(usize::from) else {
        return if *first < 0x80 { Front::Part(4) } else { Front::Noise };
    };
    let (message, all) = match first >> 6 {
        0 => {
            let cookie = &bytes[4..bytes.len().min(8)];
            if !length.is_multiple_of(4) || cookie != &COOKIE[..cookie.len()] {
                return Front::Noise;
            }
            (HEADER + length, HEADER + length)
        }
        1 => (4 + length, 4 + length + padding(length)),
        _ => return Front::Noise,
    };
    if all > most {
        Front::Noise
    } else if all > bytes.len() {
        Front::Part(all)
    } else {
        Front::Whole(message, all)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(test)]
#[path = "wire_tests.rs"]
pub(crate) mod tests;
