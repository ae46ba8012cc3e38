//! Which datagrams may go to a receiver as one (GSO).
//!
//! Whether the kernel knows GSO is asked once. What it refuses after that is a matter of one way out: of what that way takes, or
//! of a network card. So a refusal is remembered for its receiver alone, and not for long, in a table of fixed size: two
//! receivers who share a place cost each other a call now and then.

use crate::limits::REFUSED_PATHS;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socket, sockopt};

/// How long what was refused is not tried again.
const MEMORY_MILLIS: u64 = 60_000;

/// The ways to receivers, as far as something was refused there.
pub(super) struct Paths {
    hasher: RandomState,
    /// The largest segment for anybody.
    largest: usize,
    /// Receivers, and the largest segment for each.
    refused: Box<[Option<(IpAddr, usize)>]>,
    /// Whether there are any, so that who has none looks for none.
    is_any: bool,
    /// When the last was forgotten.
    cleared: u64,
}

impl Paths {
    /// Asks the kernel.
    pub(super) fn new() -> Self {
        let asks = || {
            let somewhere = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
            setsockopt(&somewhere, sockopt::UdpGsoSegment, &0)
        };
        Self::with(if asks() == Err(Errno::ENOPROTOOPT) { 0 } else { usize::MAX })
    }

    /// Where `largest` is the largest segment for anybody.
    pub(super) fn with(largest: usize) -> Self {
        let refused = vec![None; REFUSED_PATHS].into();
        Self { hasher: RandomState::new(), largest, refused, is_any: false, cleared: 0 }
    }

    /// The largest segment that may go to this receiver as one of many.
    pub(super) fn largest(&self, to: IpAddr) -> usize {
        if !self.is_any {
            return self.largest;
        }
        match self.refused[self.place(to)] {
            Some((known, largest)) if known == to => largest,
            Some(_) | None => self.largest,
        }
    }

    /// The kernel refused to send segments of `length` bytes to this receiver as one.
    pub(super) fn refuse(&mut self, error: Errno, to: IpAddr, length: usize) {
        let largest = match error {
            // More than the path takes.
            Errno::EMSGSIZE | Errno::EINVAL => length.saturating_sub(1),
            // Not with this network card.
            Errno::EIO | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT => 0,
            // Of this moment, or of this receiver.
            _ => return,
        };
        let place = self.place(to);
        self.refused[place] = Some((to, largest));
        self.is_any = true;
    }

    /// Forgets what was refused a while ago. To be called now and then.
    pub(super) fn tick(&mut self, millis: u64) {
        if millis >= self.cleared.saturating_add(MEMORY_MILLIS) {
            self.cleared = millis;
            self.is_any = false;
            self.refused.fill(None);
        }
    }

    fn place(&self, to: IpAddr) -> usize {
        self.hasher.hash_one(to) as usize % REFUSED_PATHS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receivers() -> [IpAddr; 2] {
        ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse().unwrap())
    }

    #[test]
    fn what_one_path_refuses_costs_no_other_and_is_tried_again() {
        let [odd, other] = receivers();
        let mut paths = Paths::with(usize::MAX);
        paths.tick(1000);
        paths.refuse(Errno::EINVAL, odd, 1200);
        assert_eq!((paths.largest(odd), paths.largest(other)), (1199, usize::MAX));
        paths.refuse(Errno::EIO, odd, 1000);
        assert_eq!((paths.largest(odd), paths.largest(other)), (0, usize::MAX));
        paths.tick(59_999);
        assert_eq!(paths.largest(odd), 0);
        paths.tick(60_000);
        assert_eq!(paths.largest(odd), usize::MAX);
    }

    #[test]
    fn a_full_queue_or_an_unreachable_peer_is_no_reason_to_send_one_by_one() {
        let [odd, _] = receivers();
        let mut paths = Paths::with(9000);
        for error in [Errno::EAGAIN, Errno::ENOBUFS, Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::EPERM] {
            paths.refuse(error, odd, 1200);
            assert_eq!(paths.largest(odd), 9000, "{error}");
        }
    }
}
