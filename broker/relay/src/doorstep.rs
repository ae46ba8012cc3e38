//! How many replies or handshakes a stranger gets: tables of fixed size, so that strangers cost no memory.
//!
//! An address has its bucket in one of four places of one row; a newcomer takes the place of whoever was quiet longest.
//!
//! Over UDP a source may be spoofed. Defended then: nobody is sent more than the address is due, as to get more reflected there
//! one must hit its row, which nobody can tell but by spoofing thousands; who pushes others out of the table only gives them a fresh bucket; and a request
//! with valid integrity is answered whatever the table says, so that a client with a nonce goes on. Not defended: who spoofs a
//! client's own address uses up what that address gets over UDP, so that a client without a nonce finds the relay silent there
//! for as long. Connections can't be spoofed and have a table of their own: by TCP or TLS that client gets in.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bucket::{Bucket, Flow};
use crate::core::Client;

const ROWS: usize = 1024;
const WAYS: usize = 4;
/// How many seconds' worth of replies may come at once.
const BURST_SECONDS: u32 = 4;

/// Whose replies are counted together: one IPv4 address, or one IPv6 /64.
pub(crate) fn neighbourhood(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) >> 64 << 64).into(),
    }
}

/// Strangers who may not be where they say they are, and those who are.
pub(crate) struct Doorsteps {
    datagrams: Doorstep,
    streams: Doorstep,
}

impl Doorsteps {
    /// Lets so many replies a second go to one address over UDP, and as many over its connections.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { datagrams: Doorstep::new(per_second), streams: Doorstep::new(per_second) }
    }

    /// Whether one more reply may go to a client that has not signed; if so it is counted.
    pub(crate) fn answers(&mut self, millis: u64, client: &Client) -> bool {
        let doorstep = if client.on_stream { &mut self.streams } else { &mut self.datagrams };
        doorstep.answers(millis, client.address.ip())
    }
}

/// Who was answered lately, and how often.
pub(crate) struct Doorstep {
    hasher: RandomState,
    flow: Flow,
    rows: Box<[[(IpAddr, Bucket, u64); WAYS]]>,
}

impl Doorstep {
    /// Lets so many replies a second go to one address.
    pub(crate) fn new(per_second: u32) -> Self {
        let flow = Flow::new(per_second, BURST_SECONDS);
        let nobody = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), Bucket::full(&flow, 0), 0);
        Self { hasher: RandomState::new(), flow, rows: vec![[nobody; WAYS]; ROWS].into() }
    }

    /// Whether one more reply may go to `ip`; if so it is counted.
    pub(crate) fn answers(&mut self, millis: u64, ip: IpAddr) -> bool {
        let ip = neighbourhood(ip);
        let row = &mut self.rows[self.hasher.hash_one(ip) as usize % ROWS];
        let known = row.iter().position(|(known, ..)| *known == ip);
        let place = known.unwrap_or_else(|| {
            let quiet = (0..WAYS).min_by_key(|way| row[*way].2).unwrap_or(0);
            row[quiet] = (ip, Bucket::full(&self.flow, millis), millis);
            quiet
        });
        let (_, bucket, seen) = &mut row[place];
        *seen = millis;
        let answers = bucket.holds(&self.flow, millis, 1);
        if answers {
            bucket.take(1);
        }
        answers
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        std::mem::size_of_val(&*self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_its_share_and_no_more() {
        let mut doorstep = Doorstep::new(10);
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!((0..1000).filter(|_| doorstep.answers(5000, here)).count(), 40);
        assert_eq!((0..1000).filter(|_| doorstep.answers(6000, here)).count(), 10);
        assert!(doorstep.answers(6000, "192.0.2.2".parse().unwrap()), "others still get theirs");
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let mut doorstep = Doorstep::new(10);
        let from = |i: u64| IpAddr::from(Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(i)));
        assert_eq!((0..1000).filter(|i| doorstep.answers(0, from(*i))).count(), 40);
    }

    #[test]
    fn a_flood_of_sources_neither_grows_the_table_nor_silences_others() {
        let mut doorstep = Doorstep::new(10);
        let bytes = doorstep.bytes();
        for source in 0..100_000_u32 {
            doorstep.answers(u64::from(source / 100), Ipv4Addr::from(0x0b00_0000 + source).into());
        }
        assert!(doorstep.answers(1000, "192.0.2.1".parse().unwrap()));
        assert_eq!(doorstep.bytes(), bytes);
        assert!(bytes < 512 * 1024);
    }
}
