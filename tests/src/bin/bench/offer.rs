//! An offer's frame, made once; only digits and the receiver's id change. Each offer has a number of its own, which is its
//! exchange's, and tells at the receiver when it was sent.

use klatch_shared::wire::{Offer, Request, Verb};
use klatch_shared::{ExchangeId, MemberId, RoomKey, RoomKeys, seal};

use super::ws;

/// An offer's frame, in bytes of JSON.
const OFFER_BYTES: usize = 2100;
/// Ids and exchanges start here, so that all have as many digits.
const FIRST: u32 = 1_000_000_000;
const DIGITS: usize = 10;

/// A frame with places for its number and its receiver.
pub struct OfferFrame {
    bytes: Vec<u8>,
    id: usize,
    exchange: usize,
    to: usize,
    /// The number of the first offer of this load.
    first: u32,
}

impl OfferFrame {
    /// A valid one, as large as usual.
    pub fn new() -> Self {
        Self::of(OFFER_BYTES)
    }

    /// A valid one of so many bytes, or what little more there must be.
    pub fn of(bytes: usize) -> Self {
        let least = bytes;
        let room = RoomKeys::derive(&RoomKey::random());
        let to = MemberId::random();
        let frame = |size: usize| {
            let body = room.sealing().seal(&seal::Context::card(room.id(), to), &vec![0; size]);
            let offer = Offer { to, exchange: ExchangeId(FIRST + 1), body };
            Request { id: i64::from(FIRST), verb: Verb::Offer(offer) }.to_frame()
        };
        let text = (0..).map(frame).find(|text| text.len() >= least).expect("it grows");
        let mut bytes = Vec::new();
        ws::put_frame(&mut bytes, ws::TEXT, text.as_bytes());
        let place = |label: &str| {
            let found = bytes.windows(label.len()).position(|bytes| bytes == label.as_bytes());
            found.expect("each offer has it") + label.len()
        };
        let (id, exchange, to) = (place(r#""id":"#), place(r#""exchange":"#), place(r#""to":""#));
        Self { bytes, id, exchange, to, first: FIRST + 1 }
    }

    /// The offer that is `number`th in this load, counted from 0.
    pub fn numbered(&mut self, number: u32, to: &str) -> &[u8] {
        let digits = (self.first + number).to_string();
        for place in [self.id, self.exchange] {
            self.bytes[place..place + DIGITS].copy_from_slice(digits.as_bytes());
        }
        self.bytes[self.to..self.to + to.len()].copy_from_slice(to.as_bytes());
        &self.bytes
    }

    /// Which of this load's offers an event is.
    pub fn number_of(&self, event: &[u8]) -> Option<usize> {
        let number = number_behind(event, br#""exchange":"#)?.checked_sub(self.first)?;
        usize::try_from(number).ok()
    }

    /// Ends a load of `count` offers: numbers never come again.
    pub fn begin_anew_after(&mut self, count: u32) {
        self.first += count;
    }
}

/// The digits behind a label that is near the beginning.
fn number_behind(payload: &[u8], label: &[u8]) -> Option<u32> {
    let head = &payload[..payload.len().min(160)];
    let start = head.windows(label.len()).position(|bytes| bytes == label)? + label.len();
    let mut digits = head[start..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.try_fold(0u32, |number, digit| number.checked_mul(10)?.checked_add(u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_with_another_number_and_receiver_is_an_offer() {
        let (mut frame, to) = (OfferFrame::new(), MemberId::random());
        let bytes = frame.numbered(77, &to.to_string());
        let Ok(Request { id, verb: Verb::Offer(offer) }) = Request::parse(std::str::from_utf8(&bytes[8..]).unwrap())
        else {
            panic!("no offer");
        };
        assert_eq!((id, offer.exchange, offer.to), (1_000_000_078, ExchangeId(1_000_000_078), to));
        assert!((OFFER_BYTES..OFFER_BYTES + 4).contains(&(bytes.len() - 8)));
        let event = bytes[8..].to_vec();
        assert_eq!(frame.number_of(&event), Some(77));
        frame.begin_anew_after(77);
        assert_eq!(frame.number_of(&event), Some(0));
    }
}
