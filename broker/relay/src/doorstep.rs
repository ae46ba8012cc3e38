//! How many replies or handshakes a stranger gets, and how many requests a member: tables of fixed size, so that nobody costs memory.
//!
//! An address, or a holder, has its bucket in one of four places of one row; a newcomer takes the place of whoever was quiet longest.
//!
//! Over UDP a source may be spoofed. Defended then: nobody is sent more than the address is due, as to get more reflected there
//! one must hit its row, which nobody can tell but by spoofing thousands; who pushes others out of the table only gives them a fresh bucket; and a request
//! with valid integrity is answered whatever that table says, so that a client with a nonce goes on. Not defended: who spoofs a
//! client's own address uses up what that address gets over UDP, so that a client without a fresh nonce finds the relay silent there
//! for as long. Connections can't be spoofed and have a table of their own: by TCP or TLS that client gets in.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::bucket::{Bucket, Flow};
use crate::core::Client;
use crate::credentials::Holder;
use crate::limits::{DOORSTEP_ROWS, DOORSTEP_SECONDS, DOORSTEP_WAYS};

/// Whose replies are counted together: one IPv4 address, or one IPv6 /64.
pub(crate) fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) >> 64 << 64).into(),
    }
}

/// Whose allocations are counted together: one IPv4 address, or one IPv6 /56, which providers give to one house.
pub(crate) fn household(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) >> 72 << 72).into(),
    }
}

/// Strangers who may not be where they say they are, and those who are.
pub(crate) struct Doorsteps {
    datagrams: Doorstep<IpAddr>,
    streams: Doorstep<IpAddr>,
}

impl Doorsteps {
    /// Lets so many replies a second go to one address over UDP, and as many over its connections.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { datagrams: Doorstep::new(per_second), streams: Doorstep::new(per_second) }
    }

    /// Whether one more reply may go to a client that has not signed; if so it is counted.
    pub(crate) fn answers(&mut self, millis: u64, client: &Client) -> bool {
        let doorstep = if client.on_stream { &mut self.streams } else { &mut self.datagrams };
        doorstep.answers(millis, neighbourhood(client.address.ip()))
    }
}

/// For whom it counts that a signature is checked, which costs more than anything else that is asked over UDP.
///
/// A nonce that is fresh shows that its sender is where it says it is: so nobody uses up what is another's by spoofing, and by
/// repeating what somebody else has signed neither.
#[derive(Clone, Copy, Hash)]
pub(crate) enum Payer<'a> {
    /// Who signed rightly, with a fresh nonce.
    Holder(&'a Holder),
    /// A client that has an allocation and signed wrongly.
    Client(SocketAddr),
    /// An address where somebody signed wrongly who has none.
    Address(IpAddr),
    /// An address with allocations, of which a nonce is too old, or another's.
    Stale(IpAddr),
    /// All addresses without any together, for the same.
    Strangers,
}

/// How often signatures are checked: looked at before one is, and counted after.
pub(crate) struct Checks {
    hasher: RandomState,
    payers: Doorstep<u64>,
}

impl Checks {
    /// Lets so many a second be for each payer.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { hasher: RandomState::new(), payers: Doorstep::new(per_second) }
    }

    /// Whether one more may be made.
    pub(crate) fn may_be_for(&mut self, millis: u64, payer: Payer<'_>) -> bool {
        self.payers.has_room(millis, self.hasher.hash_one(payer))
    }

    /// One was made.
    pub(crate) fn count(&mut self, millis: u64, payer: Payer<'_>) {
        self.payers.answers(millis, self.hasher.hash_one(payer));
    }
}

/// Who was answered lately, and how often.
pub(crate) struct Doorstep<K> {
    hasher: RandomState,
    flow: Flow,
    rows: Box<[[Place<K>; DOORSTEP_WAYS]]>,
}

#[derive(Clone, Copy)]
struct Place<K> {
    whose: Option<K>,
    bucket: Bucket,
    /// When that last was looked at.
    seen: u64,
}

impl<K: Copy + Eq + Hash> Doorstep<K> {
    /// Lets so many replies a second go to one address or holder.
    pub(crate) fn new(per_second: u32) -> Self {
        let flow = Flow::new(per_second, DOORSTEP_SECONDS);
        let nobody = Place { whose: None, bucket: Bucket::full(&flow, 0), seen: 0 };
        Self { hasher: RandomState::new(), flow, rows: vec![[nobody; DOORSTEP_WAYS]; DOORSTEP_ROWS].into() }
    }

    /// Whether one more reply may go there; if so it is counted.
    pub(crate) fn answers(&mut self, millis: u64, whose: K) -> bool {
        let answers = self.has_room(millis, whose);
        if answers {
            self.place(millis, whose).bucket.take(1);
        }
        answers
    }

    /// Whether one more reply may go there.
    fn has_room(&mut self, millis: u64, whose: K) -> bool {
        let flow = self.flow;
        self.place(millis, whose).bucket.holds(&flow, millis, 1)
    }

    fn place(&mut self, millis: u64, whose: K) -> &mut Place<K> {
        let row = &mut self.rows[self.hasher.hash_one(whose) as usize % DOORSTEP_ROWS];
        let known = row.iter().position(|place| place.whose == Some(whose));
        let way = known.unwrap_or_else(|| {
            let quiet = (0..DOORSTEP_WAYS).min_by_key(|way| row[*way].seen).unwrap_or(0);
            row[quiet] = Place { whose: Some(whose), bucket: Bucket::full(&self.flow, millis), seen: millis };
            quiet
        });
        row[way].seen = millis;
        &mut row[way]
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.rows)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_address_gets_its_share_and_no_more() {
        let mut doorstep = Doorstep::new(10);
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!((0..1000).filter(|_| doorstep.answers(5000, here)).count(), 40);
        assert_eq!((0..1000).filter(|_| doorstep.answers(6000, here)).count(), 10);
        assert!(doorstep.answers(6000, "192.0.2.2".parse::<IpAddr>().unwrap()), "others still get theirs");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let mut doorstep = Doorstep::new(10);
        let from = |i: u64| IpAddr::from(Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(i)));
        assert_eq!((0..1000).filter(|i| doorstep.answers(0, neighbourhood(from(*i)))).count(), 40);
    }

    #[test]
    fn a_flood_of_sources_neither_grows_the_table_nor_silences_others() {
        let mut doorstep = Doorstep::new(10);
        let bytes = doorstep.bytes();
        for source in 0..100_000_u32 {
            doorstep.answers(u64::from(source / 100), IpAddr::from(Ipv4Addr::from(0x0b00_0000 + source)));
        }
        assert!(doorstep.answers(1000, "192.0.2.1".parse::<IpAddr>().unwrap()));
        assert_eq!(doorstep.bytes(), bytes);
        assert!(bytes < 512 * 1024);
    }
}
