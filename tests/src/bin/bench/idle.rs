//! Ten thousand members who say nothing: what a seat costs in memory.

use std::time::Duration;

use anyhow::Result;
use klatch_tests::usage::resident_kib;

use super::crowd::Crowd;
use super::machine::{Cores, allow_files};
use super::seats::{Room, Server};
use super::table::{Table, Target};

const SEATS: usize = 10_000;
const A_ROOM: usize = 8;
/// Files that each process has open beside its sockets.
const OTHER_FILES: u64 = 200;
/// Longer than the pause between two pings, so that each connection has dealt with one.
const SETTLE: Duration = Duration::from_secs(12);

/// Measures both servers in turns.
///
/// # Errors
/// A server does not serve, or throws somebody out.
pub async fn bench(rounds: usize) -> Result<Table> {
    allow_files(SEATS as u64 + OTHER_FILES)?;
    let cores = Cores::split()?;
    let (mut klatch, mut floor) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for ours in [round % 2 == 0, round % 2 == 1] {
            let server = cores.for_server(async { if ours { Server::klatch().await } else { Server::floor().await } });
            let figures = if ours { &mut klatch } else { &mut floor };
            figures.push(measure(&server.await?)?);
        }
    }
    let mut table = Table::new(format!("idle: {SEATS} seats in rooms of {A_ROOM}, {rounds} rounds"));
    table.compare("resident KiB a seat", 2, &klatch, &floor, Target::Most(10.0));
    Ok(table)
}

fn measure(server: &Server) -> Result<f64> {
    let mut crowd = Crowd::new()?;
    // Whatever the first of all connections costs once is not a seat's.
    let mut first = Room::new();
    crowd.enter(vec![first.take_seat(server)?, first.take_seat(server)?])?;
    crowd.idle(Duration::from_millis(500))?;
    let before = resident_kib(server.id())?;
    for _ in 0..SEATS / A_ROOM {
        let mut room = Room::new();
        crowd.enter((0..A_ROOM).map(|_| room.take_seat(server)).collect::<Result<_>>()?)?;
        crowd.idle(Duration::ZERO)?;
    }
    crowd.idle(SETTLE)?;
    Ok((resident_kib(server.id())? - before) / SEATS as f64)
}
