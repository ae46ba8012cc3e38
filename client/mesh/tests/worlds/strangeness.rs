//! No sequence of inputs, however strange, makes a mesh panic, spin, or order two steps at a time.

use std::collections::BTreeMap;

use klatch_mesh::{Carrier, Command, ConnectionState, Input, Kind, LinkId, Mesh, Signal};
use klatch_shared::peer::{Description, IceCandidate};
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};
use proptest::prelude::*;

fn member() -> impl Strategy<Value = MemberId> {
    (1u8..4).prop_map(|n| MemberId::from_random_bytes([n; 16]))
}

fn link() -> impl Strategy<Value = LinkId> {
    (member(), 0u32..6).prop_map(|(peer, generation)| LinkId { peer, generation })
}

fn description() -> impl Strategy<Value = Description> {
    "(a=fingerprint:[12]\r\n)?".prop_map(|sdp| Description { sdp, sources: vec![] })
}

fn candidate() -> impl Strategy<Value = IceCandidate> {
    Just(IceCandidate { candidate: String::new(), mid: None, line: None, ufrag: None })
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Offerer), Just(Side::Answerer)]
}

fn exchange() -> impl Strategy<Value = ExchangeId> {
    prop_oneof![9 => 0u32..8, 1 => Just(u32::MAX)].prop_map(ExchangeId)
}

fn signal() -> impl Strategy<Value = Signal> {
    prop_oneof![
        Just(Signal::Ask),
        description().prop_map(Signal::Offer),
        description().prop_map(Signal::Answer),
        candidate().prop_map(Signal::Candidate),
    ]
}

fn carrier() -> impl Strategy<Value = Carrier> {
    prop_oneof![Just(Carrier::Broker), Just(Carrier::Channel), member().prop_map(Carrier::Via)]
}

fn state() -> impl Strategy<Value = ConnectionState> {
    use ConnectionState::*;
    proptest::sample::select(&[New, Connecting, Connected, Disconnected, Failed, Closed][..])
}

fn input() -> impl Strategy<Value = Input> {
    let session = (0u8..2).prop_map(|n| SessionNonce::from_bytes([n; 16]));
    let kind = prop_oneof![Just(Kind::Offer), Just(Kind::Answer)];
    let sequence = prop_oneof![6 => 0u32..4, 1 => Just(64), 1 => Just(u32::MAX)];
    prop_oneof![
        (member(), session, any::<bool>()).prop_map(|(peer, session, we_offer)| Input::Present {
            peer,
            session,
            we_offer
        }),
        member().prop_map(|peer| Input::Gone { peer }),
        Just(Input::BrokerBack),
        Just(Input::BrokerLost),
        (member(), carrier(), exchange(), side(), sequence, signal()).prop_map(
            |(peer, carrier, exchange, side, sequence, signal)| Input::Signal {
                peer,
                carrier,
                exchange,
                side,
                sequence,
                signal
            }
        ),
        member().prop_map(|peer| Input::Away { peer }),
        link().prop_map(|link| Input::ChannelOpen { link }),
        link().prop_map(|link| Input::ChannelClosed { link }),
        (member(), proptest::collection::vec(member(), 0..4))
            .prop_map(|(peer, members)| Input::Reaches { peer, members }),
        (link(), any::<bool>()).prop_map(|(link, sound)| Input::Heard { link, sound }),
        Just(Input::Beat),
        (member(), exchange(), side()).prop_map(|(peer, exchange, side)| Input::Refused { peer, exchange, side }),
        link().prop_map(|link| Input::NegotiationNeeded { link }),
        (link(), kind, description()).prop_map(|(link, kind, description)| Input::LocalSet { link, kind, description }),
        link().prop_map(|link| Input::RemoteSet { link }),
        link().prop_map(|link| Input::StepFailed { link }),
        (link(), candidate()).prop_map(|(link, candidate)| Input::LocalCandidate { link, candidate }),
        (link(), state()).prop_map(|(link, state)| Input::Connection { link, state }),
        Just(Input::NetworkChanged),
        Just(Input::Tick),
    ]
}

/// The link whose step in flight a fact ends.
fn ended(input: &Input) -> Option<LinkId> {
    if let Input::LocalSet { link, .. } | Input::RemoteSet { link } | Input::StepFailed { link } = input {
        Some(*link)
    } else {
        None
    }
}

/// The step that an order begins, and whether it is a local one.
fn begun(command: &Command) -> Option<(LinkId, bool)> {
    if let Command::SetLocal { link, .. } | Command::SetRemote { link, .. } = command {
        Some((*link, matches!(command, Command::SetLocal { .. })))
    } else {
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_a_mesh_panic_spin_or_take_two_steps_at_a_time(
        inputs in proptest::collection::vec((input(), 0u64..12_000), 0..120)
    ) {
        let mut mesh = Mesh::new(MemberId::from_random_bytes([2; 16]), SessionNonce::from_bytes([9; 16]));
        let mut flying = BTreeMap::new();
        let mut now = 0;
        for (input, wait) in inputs {
            now += wait;
            // What reports a step that is not in flight, or is not of its kind, no driver would tell.
            let told = match (&input, ended(&input)) {
                (_, None) => true,
                (Input::StepFailed { .. }, Some(link)) => flying.remove(&link).is_some(),
                (_, Some(link)) => {
                    let fits = flying.get(&link) == Some(&matches!(input, Input::LocalSet { .. }));
                    if fits { flying.remove(&link).is_some() } else { false }
                }
            };
            if !told {
                continue;
            }
            let commands = mesh.handle(now, input);
            prop_assert!(commands.len() <= 600, "{} commands at once", commands.len());
            for (link, local) in commands.iter().filter_map(begun) {
                prop_assert_eq!(flying.insert(link, local), None, "two steps at a time");
            }
            prop_assert!(mesh.deadline().is_none_or(|deadline| deadline > now));
        }
    }
}
