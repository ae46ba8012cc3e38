//! The relay beside coturn: CPU time, loss and memory, loaded by coturn's own client.

use anyhow::Result;

use klatch_tests::usage::resident_kib;

use super::machine::{Cores, allow_files, cpu_seconds};
use super::table::{Table, Target};
use super::turn::{Maker, Peer, Turn, run};

/// Bytes of a message, about what a packet of video has.
const LENGTH: &str = "1000";
/// One kind of load.
struct Load {
    what: &'static str,
    /// Arguments to `turnutils_uclient`.
    arguments: &'static [&'static str],
    pace: Pace,
    target: Target,
}

/// How much of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// As in a call: nothing is to be lost, and what counts is a GB.
    Call,
    /// As much as the machine can bear: one client after the other takes so much longer than a relay that it never gets to see one
    /// busy, so there are several at a time. What counts is a packet.
    Saturation,
}

/// Clients at a time where a relay is to be busy.
const CROWD: usize = 8;

const LOADS: [Load; 6] = [
    Load {
        what: "CPU s per GB, UDP, 20 at 200/s",
        arguments: &["-m", "20", "-n", "1000", "-z", "5"],
        pace: Pace::Call,
        target: Target::Ratio(0.7),
    },
    Load {
        what: "CPU µs per packet, UDP, saturated",
        arguments: &["-m", "20", "-n", "3000", "-z", "0"],
        pace: Pace::Saturation,
        target: Target::Ratio(0.4),
    },
    Load {
        what: "CPU s per GB, client to client, 20 at 200/s",
        arguments: &["-m", "20", "-n", "1000", "-z", "5", "-y"],
        pace: Pace::Call,
        target: Target::Ratio(0.4),
    },
    Load {
        what: "CPU µs per packet, client to client, saturated",
        arguments: &["-m", "20", "-n", "3000", "-z", "0", "-y"],
        pace: Pace::Saturation,
        target: Target::Ratio(0.4),
    },
    Load {
        what: "CPU s per GB, TCP, 20 at 200/s",
        arguments: &["-m", "20", "-n", "500", "-z", "5", "-t"],
        pace: Pace::Call,
        target: Target::Ratio(1.0),
    },
    Load {
        what: "CPU s per GB, TLS, 20 at 200/s",
        arguments: &["-m", "20", "-n", "500", "-z", "5", "-t", "-S"],
        pace: Pace::Call,
        target: Target::Ratio(1.0),
    },
];
const ALLOCATIONS: usize = 1000;
const STRANGERS: usize = 20_000;

#[derive(Default)]
struct Figures {
    cpu: [Vec<f64>; LOADS.len()],
    lost: Vec<f64>,
}

/// Measures what relaying costs, both relays in turns.
///
/// # Errors
/// coturn is not installed, or a relay does not serve.
pub fn bench(rounds: usize) -> Result<Table> {
    let (mut klatch, mut coturn) = (Figures::default(), Figures::default());
    for round in 0..rounds {
        for ours in [round % 2 == 0, round % 2 == 1] {
            let (maker, figures) = if ours { (Maker::Klatch, &mut klatch) } else { (Maker::Coturn, &mut coturn) };
            // Not on a core of its own, unlike the servers of other benches: with the load on the other core, to wake that from
            // here costs several times what relaying does, whereas to a network card nobody is woken.
            measure_loads(&Turn::start(maker)?, figures)?;
        }
    }
    let title = format!("relay: beside coturn, {LENGTH} bytes a packet, {rounds} rounds");
    let mut table = Table::new(title);
    for (place, Load { what, target, .. }) in LOADS.into_iter().enumerate() {
        table.compare(what, 2, &klatch.cpu[place], &coturn.cpu[place], target);
    }
    table.compare("lost where it is paced", 0, &klatch.lost, &coturn.lost, Target::Above(0.0));
    Ok(table)
}

/// Measures what allocations and strangers leave in memory, both relays in turns.
///
/// # Errors
/// coturn is not installed, or a relay does not serve.
pub async fn bench_memory(rounds: usize) -> Result<Table> {
    allow_files(4 * ALLOCATIONS as u64)?;
    let cores = Cores::split()?;
    let (mut klatch, mut coturn) = (Memory::default(), Memory::default());
    for round in 0..rounds {
        for ours in [round % 2 == 0, round % 2 == 1] {
            let (maker, memory) = if ours { (Maker::Klatch, &mut klatch) } else { (Maker::Coturn, &mut coturn) };
            let turn = cores.for_server(async { Turn::start(maker) }).await?;
            measure_memory(&turn, memory)?;
        }
    }
    let mut table = Table::new(format!("relay-memory: beside coturn, {rounds} rounds"));
    table.compare("resident KiB a live allocation", 2, &klatch.allocation, &coturn.allocation, Target::Most(2.0));
    let what = format!("resident KiB that {STRANGERS} Allocates of strangers leave");
    table.compare(&what, 0, &klatch.strangers, &coturn.strangers, Target::Most(64.0));
    Ok(table)
}

#[derive(Default)]
struct Memory {
    allocation: Vec<f64>,
    strangers: Vec<f64>,
}

fn measure_loads(turn: &Turn, figures: &mut Figures) -> Result<()> {
    let peers: Vec<Peer> = (0..CROWD).map(|_| Peer::start()).collect::<Result<_>>()?;
    let length: f64 = LENGTH.parse()?;
    let mut lost = 0.0;
    for (place, Load { arguments, pace, .. }) in LOADS.into_iter().enumerate() {
        let peers = if pace == Pace::Call { &peers[..1] } else { &peers };
        let before = cpu_seconds(turn.id())?;
        let run = run(turn, peers, &[arguments, &["-l", LENGTH]].concat())?;
        let cpu = cpu_seconds(turn.id())? - before;
        // There and back; between clients, what one sends another receives. What is lost was not relayed.
        let relayed = if arguments.contains(&"-y") { run.received } else { 2.0 * run.received };
        let packet = cpu / relayed;
        match pace {
            Pace::Call => {
                figures.cpu[place].push(packet / length * 1e9);
                lost += run.sent - run.received;
            }
            Pace::Saturation => figures.cpu[place].push(packet * 1e6),
        }
    }
    figures.lost.push(lost);
    Ok(())
}

fn measure_memory(turn: &Turn, figures: &mut Memory) -> Result<()> {
    // Whatever the first of all cost once is not an allocation's, nor a stranger's.
    let mut held = vec![turn.allocate()?];
    // At once, so that every buffer has been in use.
    for _ in 0..STRANGERS / 10 {
        turn.knock()?;
    }
    turn.settle()?;
    let before = resident_kib(turn.id())?;
    for _ in 0..ALLOCATIONS {
        held.push(turn.allocate()?);
    }
    let allocated = resident_kib(turn.id())?;
    figures.allocation.push((allocated - before) / ALLOCATIONS as f64);
    for stranger in 0..STRANGERS {
        turn.knock()?;
        if stranger % 50 == 0 {
            turn.settle()?;
        }
    }
    turn.settle()?;
    figures.strangers.push(resident_kib(turn.id())? - allocated);
    Ok(())
}
