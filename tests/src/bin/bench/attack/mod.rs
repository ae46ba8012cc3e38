//! The broker under attack: what members of other rooms notice of it, and whether its memory returns.
//!
//! Twenty rooms of well-behaved members send each other offers at a steady pace, quietly first, and then while one attack runs,
//! from its first connection on. Each attack has a broker of its own, with the limits that it comes with; a round takes all of
//! them in turn, so quiet and attacked alternate. What counts is the ratio of the two: the machine's own noise is in both.
//!
//! How it stays honest, with two cores:
//!
//! - The broker has one core to itself. Whoever measures shares the other with the attacker, who is a process of the idle
//!   scheduling class and has what is left: so the measuring side spins nowhere. It runs as a real-time thread where that is
//!   allowed, as kernels otherwise let an attacker who has the core end a slice of some milliseconds first.
//! - Where other programs want these cores, start the bench with `nice -n -5`: the broker's own step back (its
//!   `step_back`) then ends where they are, and attackers stay below.
//! - What the measuring side costs itself is measured beside each offer, as an echo by way of a thread on its own core. Where that
//!   grows, the figure above it tells of the machine.
//! - Attackers come from many addresses of 127.0.0.0/8, as a limit for one address is not what is measured here.
//! - An attack that does not take place fails the bench; what it did is printed as it goes.
//!
//! Memory is the broker's resident set: before, at most while the attack runs, and half a minute after all connections are closed;
//! the attackers' rooms are discarded by then.

mod flood;
mod ground;
mod half_open;
mod idle;
mod leash;
mod slow;
mod storm;
mod swarm;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use klatch_tests::usage::{open_files, resident_kib};

use super::crowd::{Crowd, Tally};
use super::machine::{Cores, First, allow_files};
use super::seats::{Room, Server};
use super::table::{Table, Target, quantile};
use ground::Ground;
use leash::{Attacker, Leash};

/// Asks this program to be an attacker.
pub const VERB: &str = "attacker";

const ROOMS: usize = 20;
const A_ROOM: usize = 3;
const PER_SECOND: u32 = 400;
/// Until all members have spoken, and the broker knows them for calm.
const WARM_UP: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_secs(5);
/// How long an attacker may take to be at its worst.
const RISE: Duration = Duration::from_secs(60);
/// How often the broker's memory is looked at while it is attacked.
const GLANCE: Duration = Duration::from_millis(100);
/// For the broker to notice that everybody is gone.
const DECLINE: Duration = Duration::from_secs(60);
/// Empty rooms are discarded after this long.
const ROOM_TTL: Duration = Duration::from_secs(2);
/// For the broker to give memory back.
const RECOVERY: Duration = Duration::from_secs(30);
/// Files that a process has open beside its connections.
const OTHER_FILES: u64 = 500;
const MOST_CONNECTIONS: u64 = 12_000;
/// What others may notice: so many times what it takes when all is quiet.
const RATIO: f64 = 3.0;

/// One way to attack.
#[derive(Clone, Copy)]
pub enum Attack {
    /// Ten thousand idle connections.
    Idle,
    /// Two thousand rooms at once.
    Storm,
    /// The same, where each of them is written down.
    KeptStorm,
    /// One room at full speed, and another that is brought back without end.
    Flood,
    /// Who asks and does not read.
    Slow,
    /// Who begins and does not go on.
    HalfOpen,
}

impl Attack {
    const ALL: [Self; 6] = [Self::Idle, Self::Storm, Self::KeptStorm, Self::Flood, Self::Slow, Self::HalfOpen];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "10,000 idle connections",
            Self::Storm => "join storm of 2,000 rooms",
            Self::KeptStorm => "join storm, --state",
            Self::Flood => "one room floods",
            Self::Slow => "slow readers",
            Self::HalfOpen => "half-open sockets",
        }
    }

    /// How long it is watched once it is at its worst: an idle connection has been pinged by then, and a half-open one closed.
    fn lasts(self) -> Duration {
        Duration::from_secs(match self {
            Self::Idle => 12,
            Self::Storm | Self::KeptStorm => 0,
            Self::Flood | Self::Slow => 8,
            Self::HalfOpen => 28,
        })
    }

    /// What may stay of it in the broker's memory, in MiB: the allocator's own books, which grow with the height, and what it keeps at
    /// hand for each thread. Whoever writes rooms down is one more; without what is kept at hand 3 MiB less stay there.
    fn stays(self) -> f64 {
        if matches!(self, Self::KeptStorm) { 5.0 } else { 4.0 }
    }
}

/// Round by round, of one attack.
#[derive(Default)]
struct Figures {
    quiet: Latencies,
    attacked: Latencies,
    before: Vec<f64>,
    height: Vec<f64>,
    after: Vec<f64>,
}

#[derive(Default)]
struct Latencies {
    p50: Vec<f64>,
    p99: Vec<f64>,
    own: Vec<f64>,
}

/// Attacks Klatch in each way, round by round.
///
/// # Errors
/// An attack can't be made, or a well-behaved member is refused or thrown out.
pub async fn bench(rounds: usize) -> Result<Table> {
    allow_files(MOST_CONNECTIONS + OTHER_FILES)?;
    let cores = Cores::split()?;
    let mut figures = Attack::ALL.map(|attack| (attack, Figures::default()));
    let ttl = format!("{}s", ROOM_TTL.as_secs());
    let file = std::env::temp_dir().join(format!("klatch-bench-{}.redb", std::process::id()));
    let path = file.to_str().context("a path that is no text")?;
    for _ in 0..rounds {
        for (attack, figures) in &mut figures {
            let flags = ["--room-ttl", &ttl, "--state", path];
            let count = if matches!(attack, Attack::KeptStorm) { 4 } else { 2 };
            let server = cores.for_server(Server::klatch_with(&flags[..count])).await?;
            let measured = measure(&server, *attack, figures).await.with_context(|| attack.name());
            drop(server);
            // Most keep none.
            let _ = std::fs::remove_file(&file);
            measured?;
        }
    }
    let title = format!(
        "attack: {ROOMS} rooms of {A_ROOM}, {PER_SECOND} offers of 2.1 KB a second; one core for the broker, {rounds} rounds"
    );
    let mut table = Table::beside(title, "attacked", "quiet");
    for (attack, Figures { quiet, attacked, before, height, after }) in &figures {
        let row = |what| format!("{}: {what}", attack.name());
        table.compare(&row("p50, ms"), 3, &attacked.p50, &quiet.p50, Target::None);
        table.compare(&row("p99, ms"), 3, &attacked.p99, &quiet.p99, Target::Ratio(RATIO));
        table.compare(&row("p99 of the echo, ms"), 3, &attacked.own, &quiet.own, Target::None);
        table.compare(&row("resident at the height, MiB"), 1, height, before, Target::None);
        table.compare(&row("resident afterwards, MiB"), 1, after, before, Target::Above(attack.stays()));
    }
    Ok(table)
}

async fn measure(server: &Server, attack: Attack, figures: &mut Figures) -> Result<()> {
    // First, as it takes its time to prepare, during which nobody would answer for the members.
    let mut attacker = Attacker::start(attack, server.port()?).await?;
    let first = First::of_all();
    if first.is_none() {
        eprintln!("  whoever measures takes turns with the attacker: `chrt --fifo` does not let it go first");
    }
    let mut crowd = Crowd::new()?;
    for _ in 0..ROOMS {
        let mut room = Room::new();
        crowd.enter((0..A_ROOM).map(|_| room.take_seat(server)).collect::<Result<_>>()?)?;
    }
    crowd.pace(PER_SECOND, |since| Ok(since >= WARM_UP))?;
    let (files, before) = (open_files(server.id())?, resident_mib(server)?);
    let quiet = crowd.pace(PER_SECOND, |since| Ok(since >= QUIET))?;

    attacker.begin()?;
    let (mut height, mut next, mut worst) = (before, Duration::ZERO, None);
    let attacked = crowd.pace(PER_SECOND, |since| {
        if since < next {
            return Ok(false);
        }
        next = since + GLANCE;
        height = height.max(resident_mib(server)?);
        if worst.is_none() && attacker.is_at_the_height() {
            worst = Some(since);
        }
        if worst.is_none() && since > RISE {
            bail!("the attack does not get under way");
        }
        Ok(worst.is_some_and(|worst| since >= worst + attack.lasts()))
    })?;

    let did = attacker.end().await?;
    let gone = Instant::now();
    while open_files(server.id())? > files {
        if gone.elapsed() > DECLINE {
            bail!("{} files are open, and {files} were before", open_files(server.id())?);
        }
        crowd.idle(GLANCE)?;
    }
    let closed = gone.elapsed();
    crowd.idle(RECOVERY)?;
    let after = resident_mib(server)?;

    eprintln!("  {}: {did}; all closed after {:.1} s", attack.name(), closed.as_secs_f64());
    eprintln!("    quiet     {}", figures.quiet.note(&quiet));
    eprintln!("    attacked  {}", figures.attacked.note(&attacked));
    eprintln!("    resident  {before:.1}, {height:.1}, {after:.1} MiB");
    figures.before.push(before);
    figures.height.push(height);
    figures.after.push(after);
    Ok(())
}

impl Latencies {
    /// Takes a phase in, and says how it was.
    fn note(&mut self, Tally { latencies, echoes, .. }: &Tally) -> String {
        let (p50, p99, own) = (quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(echoes, 0.99));
        self.p50.push(p50);
        self.p99.push(p99);
        self.own.push(own);
        let most = quantile(latencies, 1.0);
        format!(
            "p50 {p50:.3}, p99 {p99:.3}, at most {most:.1} of {} offers; p99 of the echo {own:.3} ms",
            latencies.len()
        )
    }
}

fn resident_mib(server: &Server) -> Result<f64> {
    Ok(resident_kib(server.id())? / 1024.0)
}

/// Is an attacker until the leash is let go.
///
/// # Errors
/// The attack can't be made.
pub fn besiege(attack: &str, port: &str, leash: &str) -> Result<()> {
    let attack = Attack::ALL.into_iter().find(|known| known.name() == attack).context("no such attack")?;
    let (ground, mut leash) = (Ground { port: port.parse()? }, Leash::of(leash.parse()?)?);
    let did = match attack {
        Attack::Idle => idle::attack(&ground, &mut leash),
        Attack::Storm | Attack::KeptStorm => storm::attack(&ground, &mut leash),
        Attack::Flood => flood::attack(&ground, &mut leash),
        Attack::Slow => slow::attack(&ground, &mut leash),
        Attack::HalfOpen => half_open::attack(&ground, &mut leash),
    }?;
    leash.report(&did);
    Ok(())
}
