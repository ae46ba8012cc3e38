//! The host's own addresses, which come and go while the relay runs: nothing is relayed to any of them.
//!
//! They are read by a thread of their own, as that may take as long as the host has interfaces.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::StartError;
use super::bind::own_addresses;

/// How often they are read.
const PAUSE: Duration = Duration::from_secs(5);

/// Reads them until it is dropped.
pub(super) struct Watch {
    _stop: Sender<()>,
}

impl Watch {
    /// Tells of them whenever they have changed.
    pub(super) fn start(tell: impl Fn(Vec<IpAddr>) + Send + 'static) -> Result<Self, StartError> {
        let (stop, stopped) = channel();
        let watch = move || watch(PAUSE, &stopped, own_addresses, tell);
        std::thread::Builder::new().name("klatch-own".into()).spawn(watch).map_err(StartError::System)?;
        Ok(Self { _stop: stop })
    }
}

fn watch(pause: Duration, stopped: &Receiver<()>, read: impl Fn() -> Vec<IpAddr>, tell: impl Fn(Vec<IpAddr>)) {
    let mut known = Vec::new();
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        let now = read();
        // Where they can't be read, those that were are still better than none.
        if now != known && !now.is_empty() {
            known.clone_from(&now);
            tell(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[test]
    fn addresses_are_told_when_they_have_changed_and_until_nobody_wants_to_know() {
        let [one, other]: [IpAddr; 2] = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        let (stop, stopped) = channel();
        let (stop, turn, told) = (Cell::new(Some(stop)), Cell::new(0), RefCell::new(Vec::new()));
        let read = || {
            turn.set(turn.get() + 1);
            match turn.get() {
                1 | 2 => vec![one],
                3 => vec![],
                4 => vec![one, other],
                _ => {
                    drop(stop.take());
                    vec![other]
                }
            }
        };
        watch(Duration::ZERO, &stopped, read, |own| told.borrow_mut().push(own));
        assert_eq!(told.into_inner(), [vec![one], vec![one, other], vec![other]]);
    }
}
