//! How many files this program may open, and who has how many of them: each connection is one, and so is each allocation of the relay.
//! Who comes when there are none left could not even be turned away.

use rustix::process::{Resource, getrlimit};

use crate::config::Config;
use crate::limits::Limits;

/// What is opened beside connections: what is listened on, the state file, whoever reads metrics, files that are read again.
const OWN: u64 = 128;
/// One in so many less goes unsaid: systems that grant just as many files as there are connections by default are well.
const UNSAID: u32 = 10;
/// What to do about too few.
const WAY_OUT: &str = "raise `ulimit -Hn`, or LimitNOFILE= of a unit";

/// As many files as may be open at once, if that has a bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files(Option<u64>);

impl Files {
    /// What the system grants.
    pub(crate) fn granted() -> Self {
        Self(getrlimit(Resource::Nofile).current)
    }

    /// The same limits, or less: half of the files stay the broker's, whatever comes to the relay.
    pub(crate) fn for_relay(self, limits: klatch_relay::Limits) -> klatch_relay::Limits {
        let share = self.0.map_or(u32::MAX, |files| whole(files / 4));
        let (connections, allocations) = (limits.connections.min(share), limits.allocations.min(share));
        klatch_relay::Limits { connections, allocations, ..limits }
    }

    /// The same limits, or less: as many connections as what the relay leaves is enough for.
    pub(crate) fn for_broker(self, limits: Limits, relay: Option<klatch_relay::Limits>) -> Limits {
        let Some(files) = self.0 else { return limits };
        let relay = relay.map(|limits| self.for_relay(limits));
        let relayed = relay.map_or(0, |limits| u64::from(limits.connections) + u64::from(limits.allocations));
        let left = files.saturating_sub(relayed);
        let most = whole(left - OWN.min(left / 2)).max(1);
        Limits { connections: limits.connections.min(most), ..limits }
    }

    /// What there are too few for, a sentence each.
    pub(crate) fn doubts(self, config: &Config) -> Vec<String> {
        let (Some(files), wanted) = (self.0, config.limits()) else { return Vec::new() };
        let relay = config.relay.turn.then(|| config.relay_limits());
        let let_in = self.for_broker(wanted.clone(), relay.clone()).connections;
        let of_broker = (let_in < wanted.connections - wanted.connections / UNSAID).then(|| {
            format!(
                "{let_in} connections are let in at once, and not {} (--limit connections), as this program may open {files} files: {WAY_OUT}",
                wanted.connections
            )
        });
        let of_relay = relay.and_then(|wanted| {
            let limits = self.for_relay(wanted.clone());
            let is_less = limits.connections < wanted.connections || limits.allocations < wanted.allocations;
            is_less.then(|| {
                format!(
                    "the relay takes {} connections and {} allocations at most, as this program may open {files} files: {WAY_OUT}",
                    limits.connections, limits.allocations
                )
            })
        });
        of_broker.into_iter().chain(of_relay).collect()
    }
}

fn whole(files: u64) -> u32 {
    u32::try_from(files).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    const MANY: [Option<u64>; 3] = [None, Some(1 << 20), Some(u64::MAX)];

    #[test]
    fn the_broker_keeps_half_of_the_files() {
        let usual = klatch_relay::Limits::default();
        let of = |files| {
            let limits = Files(files).for_relay(usual.clone());
            (limits.connections, limits.allocations)
        };
        assert_eq!(of(Some(1024)), (256, 256));
        for files in MANY {
            assert_eq!(of(files), (usual.connections, usual.allocations));
        }
    }

    #[test]
    fn connections_the_relay_and_what_is_opened_beside_them_fit_into_the_files() {
        let (usual, relay) = (Limits::default(), klatch_relay::Limits::default());
        let of = |files, relay| Files(files).for_broker(usual.clone(), relay).connections;
        assert_eq!((of(Some(1024), None), of(Some(1024), Some(relay.clone()))), (896, 384));
        let small = klatch_relay::Limits { connections: 10, allocations: 20, ..relay.clone() };
        assert_eq!(of(Some(1024), Some(small)), 866, "the relay wants no more");
        assert_eq!((of(Some(64), None), of(Some(0), Some(relay.clone()))), (32, 1));
        for files in MANY {
            assert_eq!(of(files, Some(relay.clone())), usual.connections);
        }
    }

    #[test]
    fn too_few_files_are_told_of_with_what_they_are_enough_for() {
        let doubts =
            |files, flags: &[&str]| Files(files).doubts(&Config::parse_from(["klatch"].iter().chain(flags))).join("\n");
        let said = doubts(Some(1024), &[]);
        assert!(said.starts_with("896 connections are let in at once, and not 20000 ") && said.contains("ulimit -Hn"));
        let said = doubts(Some(1024), &["--turn"]);
        assert!(said.starts_with("384 connections ") && said.contains("\nthe relay takes 256 connections and 256 "));
        assert_eq!(doubts(Some(1024), &["--limit", "connections=896"]), "");
        assert_eq!(doubts(Some(20_000), &[]), "", "there is hardly one less");
        for files in MANY {
            assert_eq!(doubts(files, &["--turn"]), "");
        }
    }
}
