//! Whether a proxy stands in front that nobody has named by `--trusted-proxy`. Whom it brings share the limits of its address, which a
//! host should be told of before they meet them; and nobody should be told who has no proxy.
//!
//! Noted is whoever opens the page or a WebSocket, and what that shows of a proxy ([`Trace`]). Most that are to be noticed show
//! something: they add `X-Forwarded-For`, or end TLS, without which browsers give no page a microphone. But anybody can write a header, from
//! any address: what only forwards ports, as containers' networks do, brings everybody from one of its own, a private one as a rule. So
//! nearly all who came lately have to show it. As strangers alone may be all who came, a remark never takes a proxy for granted: who names
//! what only forwards ports has everybody's word for where they come from believed.
//! Where nothing shows, one address of nearly everybody may as well be that of a household, a school or a party behind one NAT. So very
//! many have to come within a short time, and the remark says what it may be.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::address::Address;

/// So long ago is lately.
const LATELY: Duration = Duration::from_secs(600);
/// So many have to have come for what nearly all of them show to count.
const SOME: usize = 30;
/// So many have to have come for one address of nearly all of them to count: forty guests of a party who load the page thrice are fewer. No more
/// are remembered.
const MANY: usize = 300;

/// What somebody's coming shows of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trace {
    /// Nothing.
    None,
    /// A page that came over TLS opens a WebSocket that did not.
    EndsTls,
    /// There is `X-Forwarded-For`.
    Forwards,
    /// The same, and TLS ends here: most proxies would have ended it.
    ForwardsTls,
}

/// What a host is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// There seems to be a proxy that says whom it brings.
    Unnamed,
    /// The same, and it would have to speak TLS to us.
    Sealed,
    /// There seems to be one that does not.
    Silent,
    /// There may be one.
    Perhaps,
}

impl Remark {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Unnamed => {
                "nearly everybody who came lately brought an X-Forwarded-For, of which nothing is believed, and shares the limits of the address \
                 that they came from: if an HTTP proxy of yours is in front, name it by --trusted-proxy; if what is there only forwards \
                 ports, or nothing is, name nobody, as anybody can write that header"
            }
            Self::Sealed => {
                "nearly everybody who came lately brought an X-Forwarded-For, of which nothing is believed, though TLS ends here: name an \
                 address by --trusted-proxy only if an HTTP proxy of yours is there that speaks TLS to klatch; if what is there only \
                 forwards ports, or nothing is, name nobody, as anybody can write that header"
            }
            Self::Silent => {
                "nearly everybody who came lately has a page that came by HTTPS, which is not spoken here, and shares the limits of the \
                 address that they came from: if an HTTP proxy of yours is in front, have it send X-Forwarded-For, and name it by \
                 --trusted-proxy; if what is there speaks no HTTP, name nobody, as anybody can write that header"
            }
            Self::Perhaps => {
                "nearly everybody who came lately has one address, and shares its limits: if an HTTP proxy is in front, have it send \
                 X-Forwarded-For and name it by --trusted-proxy; if what is there only forwards ports, name nobody, as anybody can write that \
                 header; if they are people of one network, all is well"
            }
        }
    }
}

/// Those who came lately, by addresses that are not those of trusted proxies.
#[derive(Debug, Default)]
pub(crate) struct Stranger {
    is_told_of: AtomicBool,
    lately: Mutex<VecDeque<Arrival>>,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    at: Instant,
    from: Address,
    trace: Trace,
}

impl Stranger {
    /// Notes that somebody came; says what is to be told, once.
    pub(crate) fn note(&self, at: Instant, peer: IpAddr, trace: Trace) -> Option<Remark> {
        if self.is_told_of.load(Ordering::Relaxed) {
            return None;
        }
        // Nothing that holds it can panic halfway.
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        while lately.len() == MANY || lately.front().is_some_and(|first| at.duration_since(first.at) > LATELY) {
            lately.pop_front();
        }
        let arrival = Arrival { at, from: peer.into(), trace };
        lately.push_back(arrival);
        let remark = judge(&lately, arrival)?;
        *lately = VecDeque::new();
        (!self.is_told_of.swap(true, Ordering::Relaxed)).then_some(remark)
    }
}

fn judge(lately: &VecDeque<Arrival>, last: Arrival) -> Option<Remark> {
    let is_nearly_all = |those: &dyn Fn(&Arrival) -> bool| {
        let others = lately.iter().filter(|arrival| !those(arrival)).count();
        others * 20 <= lately.len()
    };
    if lately.len() >= SOME && is_nearly_all(&|arrival| arrival.trace != Trace::None) {
        return shown(last.trace);
    }
    (lately.len() == MANY && is_nearly_all(&|arrival| arrival.from == last.from)).then_some(Remark::Perhaps)
}

/// What there is to say of a proxy that shows.
fn shown(trace: Trace) -> Option<Remark> {
    match trace {
        Trace::None => None,
        Trace::EndsTls => Some(Remark::Silent),
        Trace::Forwards => Some(Remark::Unnamed),
        Trace::ForwardsTls => Some(Remark::Sealed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Trace::{EndsTls, Forwards, ForwardsTls};

    const LOOPBACK: &str = "127.0.0.1";
    const ELSEWHERE: &str = "203.0.113.7";

    /// Arrivals of which one comes every so many milliseconds.
    struct Crowd<'a>(u64, usize, &'a dyn Fn(usize) -> (&'a str, Trace));

    /// All that is told while these come one after the other.
    fn told(crowds: &[Crowd<'_>]) -> Vec<Remark> {
        let (stranger, mut now) = (Stranger::default(), Instant::now());
        let mut told = Vec::new();
        for Crowd(pause, count, who) in crowds {
            for turn in 0..*count {
                let (from, trace) = who(turn);
                told.extend(stranger.note(now, from.parse().expect(from), trace));
                now += Duration::from_millis(*pause);
            }
        }
        assert!(stranger.lately.lock().expect("nobody panicked").len() <= MANY);
        told
    }

    #[test]
    fn a_proxy_that_shows_is_told_of_once_and_nearly_all_have_to_show_it_wherever_they_come_from() {
        for (peer, trace, remark) in [
            (LOOPBACK, Forwards, Remark::Unnamed),
            ("::ffff:172.17.0.1", Forwards, Remark::Unnamed),
            ("172.17.0.1", ForwardsTls, Remark::Sealed),
            ("10.0.0.2", EndsTls, Remark::Silent),
            (ELSEWHERE, Forwards, Remark::Unnamed),
            (ELSEWHERE, EndsTls, Remark::Silent),
        ] {
            let come = |count| told(&[Crowd(1000, count, &|_| (peer, trace))]);
            assert_eq!((come(SOME - 1), come(SOME), come(999)), (vec![], vec![remark], vec![remark]), "{peer}");
            // Whoever writes it by themselves, among others who come by the same way.
            let forged = |turn| (peer, if turn % 8 == 0 { Trace::None } else { trace });
            assert_eq!(told(&[Crowd(4000, 999, &forged)]), [], "{peer}");
        }
        // A content network has many addresses.
        let spread = told(&[Crowd(1000, SOME, &|turn| ([ELSEWHERE, "198.51.100.7"][turn % 2], Forwards))]);
        assert_eq!(spread, [Remark::Unnamed]);
    }

    #[test]
    fn one_request_that_anybody_can_forge_is_no_proxy() {
        for peer in [LOOPBACK, "172.17.0.1", "fd00::1", ELSEWHERE] {
            for trace in [Forwards, ForwardsTls, EndsTls] {
                assert_eq!(told(&[Crowd(1000, 1, &|_| (peer, trace))]), [], "{peer}");
                let among_others = Crowd(4000, 400, &|turn| (peer, if turn == 200 { trace } else { Trace::None }));
                assert_eq!(told(&[among_others]), [], "{peer}");
            }
        }
    }

    #[test]
    fn whom_to_trust_is_left_to_who_knows_what_is_there() {
        for remark in [Remark::Unnamed, Remark::Sealed, Remark::Silent, Remark::Perhaps] {
            assert!(remark.text().contains("name nobody, as anybody can write that header"), "{remark:?}");
        }
        assert!(Remark::Sealed.text().contains("only if an HTTP proxy of yours is there that speaks TLS to klatch"));
    }

    #[test]
    fn what_came_first_settles_nothing() {
        let early = |count| Crowd(100, count, &|_| ("198.51.100.7", Trace::None));
        assert_eq!(told(&[early(1), Crowd(1000, SOME, &|_| (ELSEWHERE, Forwards))]), [Remark::Unnamed]);
        assert_eq!(told(&[early(200), Crowd(1000, 700, &|_| (ELSEWHERE, Forwards))]), [Remark::Unnamed]);
        assert_eq!(told(&[early(200), Crowd(1000, MANY, &|_| (ELSEWHERE, Trace::None))]), [Remark::Perhaps]);
    }

    #[test]
    fn where_nothing_shows_one_address_of_very_many_within_a_short_time_may_be_a_proxy() {
        let one = |peer: &'static str, pause| told(&[Crowd(pause, 999, &move |_| (peer, Trace::None))]);
        for peer in [LOOPBACK, "172.17.0.1", ELSEWHERE] {
            assert_eq!(one(peer, 1000), [Remark::Perhaps], "{peer}");
            assert_eq!(one(peer, 4000), [], "{peer}: never so many within ten minutes");
        }
        let nearly = |turn| if turn % 25 == 0 { ("198.51.100.7", Trace::None) } else { (LOOPBACK, Trace::None) };
        assert_eq!(told(&[Crowd(1000, 999, &nearly)]), [Remark::Perhaps]);
        let mostly = |turn| if turn % 8 == 0 { ("198.51.100.7", Trace::None) } else { (LOOPBACK, Trace::None) };
        assert_eq!(told(&[Crowd(1000, 999, &mostly)]), []);
        // Whoever has one IPv6 address has a whole network of them.
        let network = |turn| (["2001:db8:1:2::1", "2001:db8:1:2::2"][turn % 2], Trace::None);
        assert_eq!(told(&[Crowd(1000, MANY, &network)]), [Remark::Perhaps]);
    }

    #[test]
    fn households_and_parties_are_no_proxies() {
        // Six people behind one address who call all day, for a month.
        assert_eq!(told(&[Crowd(30_000, 86_400, &|_| (ELSEWHERE, Trace::None))]), []);
        // Forty guests behind one NAT who come within minutes, and load the page thrice.
        assert_eq!(told(&[Crowd(500, 40 * 2 * 3, &|_| (ELSEWHERE, Trace::None))]), []);
        // The same where the broker is in the same house.
        let guests: Vec<String> = (1..=40).map(|guest| format!("192.168.1.{guest}")).collect();
        assert_eq!(told(&[Crowd(100, 9999, &|turn| (&guests[turn % 40], Trace::None))]), []);
    }
}
