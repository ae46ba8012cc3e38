//! The relay beside coturn: CPU time, loss and memory, loaded by coturn's own client.

use anyhow::Result;

use klatch_tests::usage::resident_kib;

use super::machine::{Cores, allow_files, cpu_seconds};
use super::table::{Table, Target};
use super::turn::{Maker, Peer, Turn, run};

/// Bytes of a message, about what a packet of video has.
const LENGTH: &str = "1000";
/// What each load is, its arguments to `turnutils_uclient`, what it is to reach, and whether it counts by the GB.
const LOADS: [(&str, &[&str], Target, bool); 6] = [
    ("CPU s per GB, UDP, 20 at 200/s", &["-m", "20", "-n", "1000", "-z", "5"], Target::Ratio(0.7), true),
    ("CPU µs per packet, UDP, busy", &["-m", "20", "-n", "5000", "-z", "0"], Target::Ratio(0.4), false),
    (
        "CPU s per GB, client to client, 20 at 200/s",
        &["-m", "20", "-n", "1000", "-z", "5", "-y"],
        Target::Ratio(0.4),
        true,
    ),
    (
        "CPU µs per packet, client to client, busy",
        &["-m", "20", "-n", "5000", "-z", "0", "-y"],
        Target::Ratio(0.4),
        false,
    ),
    ("CPU s per GB, TCP, 20 at 200/s", &["-m", "20", "-n", "500", "-z", "5", "-t"], Target::Ratio(1.0), true),
    ("CPU s per GB, TLS, 20 at 200/s", &["-m", "20", "-n", "500", "-z", "5", "-t", "-S"], Target::Ratio(1.0), true),
];
/// The loads of which nothing is to be lost: those that are paced.
const PACED: [usize; 4] = [0, 2, 4, 5];
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
    for (place, (what, _, target, _)) in LOADS.into_iter().enumerate() {
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
    let peer = Peer::start()?;
    let mut lost = 0.0;
    for (place, (_, arguments, _, by_bytes)) in LOADS.into_iter().enumerate() {
        let before = cpu_seconds(turn.id())?;
        let run = run(turn, &peer, &[arguments, &["-l", LENGTH]].concat())?;
        let cpu = cpu_seconds(turn.id())? - before;
        // There and back; between clients, what one sends another receives.
        let relayed = if arguments.contains(&"-y") { run.received } else { run.sent + run.received };
        let packet = cpu / relayed;
        let length: f64 = LENGTH.parse()?;
        figures.cpu[place].push(if by_bytes { packet / length * 1e9 } else { packet * 1e6 });
        if PACED.contains(&place) {
            lost += run.sent - run.received;
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
