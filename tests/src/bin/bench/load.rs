//! Offers and their acknowledgements through a busy broker: what a message costs it, and how long it takes; and what TLS adds to that.

use std::time::Duration;

use anyhow::Result;

use super::crowd::{Crowd, Tally};
use super::machine::{Cores, cpu_seconds};
use super::seats::{Room, Server};
use super::table::{Table, Target, quantile};

const ROOMS: usize = 50;
const PER_SECOND: u32 = 5_000;
/// Offers that one member has under way when the server is to be busy.
const WINDOW: usize = 4;
const WARM_UP: Duration = Duration::from_secs(1);
const PHASE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Figures {
    busy: Vec<f64>,
    paced: Vec<f64>,
    per_second: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
}

/// Measures both servers in turns.
///
/// # Errors
/// A message gets lost, or a server does not serve.
pub async fn bench(rounds: usize) -> Result<Table> {
    let cores = Cores::split()?;
    let (mut klatch, mut floor) = (Figures::default(), Figures::default());
    for round in 0..rounds {
        for ours in [round % 2 == 0, round % 2 == 1] {
            let server = cores.for_server(async { if ours { Server::klatch().await } else { Server::floor().await } });
            measure(&server.await?, if ours { &mut klatch } else { &mut floor })?;
        }
    }
    let mut table = Table::new(format!(
        "load: {ROOMS} rooms of 2 to 8, offers of 2.1 KB, each acknowledged; one core for the server, {rounds} rounds"
    ));
    table.compare("CPU s per million delivered, busy", 2, &klatch.busy, &floor.busy, Target::Ratio(1.3));
    table.compare("CPU s per million delivered, 5,000/s", 2, &klatch.paced, &floor.paced, Target::Ratio(1.3));
    table.compare("delivered a second, busy", 0, &klatch.per_second, &floor.per_second, Target::None);
    table.compare("latency at 5,000/s, p50, ms", 3, &klatch.p50, &floor.p50, Target::None);
    table.compare("latency at 5,000/s, p99, ms", 3, &klatch.p99, &floor.p99, Target::Above(1.0));
    Ok(table)
}

/// Measures Klatch over TLS and without in turns.
///
/// # Errors
/// A message gets lost, or a server does not serve.
pub async fn bench_tls(rounds: usize) -> Result<Table> {
    let cores = Cores::split()?;
    let (mut sealed, mut plain) = (Figures::default(), Figures::default());
    for round in 0..rounds {
        for over_tls in [round % 2 == 0, round % 2 == 1] {
            let server = cores
                .for_server(async { if over_tls { Server::klatch_over_tls().await } else { Server::klatch().await } });
            measure(&server.await?, if over_tls { &mut sealed } else { &mut plain })?;
        }
    }
    let title =
        format!("tls: {ROOMS} rooms of 2 to 8 as in `load`, klatch over TLS beside itself without; {rounds} rounds");
    let mut table = Table::beside(title, "over TLS", "plain");
    table.compare("CPU s per million delivered, busy", 2, &sealed.busy, &plain.busy, Target::Ratio(1.5));
    table.compare("CPU s per million delivered, 5,000/s", 2, &sealed.paced, &plain.paced, Target::Ratio(1.5));
    table.compare("delivered a second, busy", 0, &sealed.per_second, &plain.per_second, Target::None);
    table.compare("latency at 5,000/s, p50, ms", 3, &sealed.p50, &plain.p50, Target::None);
    table.compare("latency at 5,000/s, p99, ms", 3, &sealed.p99, &plain.p99, Target::None);
    Ok(table)
}

fn measure(server: &Server, figures: &mut Figures) -> Result<()> {
    let mut crowd = Crowd::new()?;
    for index in 0..ROOMS {
        let mut room = Room::new();
        crowd.enter((0..2 + index % 7).map(|_| room.take_seat(server)).collect::<Result<_>>()?)?;
    }
    crowd.flood(WINDOW, WARM_UP)?;
    let (busy, cpu) = used(server, || crowd.flood(WINDOW, PHASE))?;
    figures.busy.push(per_million(cpu, &busy));
    figures.per_second.push(busy.delivered as f64 / PHASE.as_secs_f64());
    crowd.trickle(PER_SECOND, WARM_UP)?;
    let (paced, cpu) = used(server, || crowd.trickle(PER_SECOND, PHASE))?;
    figures.paced.push(per_million(cpu, &paced));
    figures.p50.push(quantile(&paced.latencies, 0.5));
    figures.p99.push(quantile(&paced.latencies, 0.99));
    Ok(())
}

/// What the server's process used meanwhile, in seconds.
fn used(server: &Server, load: impl FnOnce() -> Result<Tally>) -> Result<(Tally, f64)> {
    let before = cpu_seconds(server.id())?;
    let tally = load()?;
    Ok((tally, cpu_seconds(server.id())? - before))
}

fn per_million(cpu: f64, tally: &Tally) -> f64 {
    cpu * 1e6 / tally.delivered as f64
}
