//! `./build.sh bench [NAME [ROUNDS]]`: what Klatch costs, beside floors that do the same with nothing around it.
//!
//! A floor runs in the same minute on the same cores, the two take turns, and what counts is their ratio: machines are
//! shared and noisy. Where Klatch is attacked, its floor is itself while all is quiet. A figure is the median of the rounds, a
//! ratio the median of the rounds' own ratios. A row that misses its target is marked, and the exit status is 1 then, as it is where
//! something can't be measured, and where a call did not get over a fault as it is to.

mod attack;
mod crowd;
mod echo;
mod faults;
mod floor;
mod http;
mod idle;
mod join;
mod line;
mod load;
mod machine;
mod member;
mod offer;
mod relay;
mod relayed;
mod seats;
mod size;
mod start;
mod stream;
mod table;
mod turn;
mod ws;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

/// The benches, and how many rounds each takes.
const NAMES: [(&str, usize); 10] = [
    ("load", 5),
    ("tls", 5),
    ("idle", 3),
    ("attack", 3),
    ("join", 9),
    ("relay", 3),
    ("relay-memory", 3),
    ("faults", 1),
    ("size", 1),
    ("start", 21),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rounds) = match arguments.as_slice() {
        [] => (None, None),
        [name] if name == floor::VERB => return floor::serve().await.map(|()| ExitCode::SUCCESS),
        [name] if name == start::VERB => return start::serve().map(|()| ExitCode::SUCCESS),
        [name, certificate, key] if name == relayed::VERB => {
            return relayed::serve(certificate, key).map(|()| ExitCode::SUCCESS);
        }
        [name, attack, port, leash] if name == attack::VERB => {
            return attack::besiege(attack, port, leash).map(|()| ExitCode::SUCCESS);
        }
        [name] => (Some(name.as_str()), None),
        [name, rounds] => (Some(name.as_str()), Some(rounds.parse().context("ROUNDS is a number")?)),
        _ => bail!("usage: bench [NAME [ROUNDS]]"),
    };
    if let Some(name) = name
        && !NAMES.iter().any(|(known, _)| *known == name)
    {
        bail!("there is no bench {name}; there are {}", NAMES.map(|(known, _)| known).join(", "));
    }
    let mut well = true;
    for (known, usual) in NAMES.into_iter().filter(|(known, _)| name.is_none_or(|name| name == *known)) {
        well &= run(known, rounds.unwrap_or(usual)).await.with_context(|| format!("{known} can't be measured"))?;
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether nothing was found that is a failure.
async fn run(name: &str, rounds: usize) -> Result<bool> {
    eprintln!("{name}: {rounds} rounds…");
    let table = match name {
        "load" => load::bench(rounds).await?,
        "tls" => load::bench_tls(rounds).await?,
        "start" => start::bench(rounds).await?,
        "idle" => idle::bench(rounds).await?,
        "attack" => attack::bench(rounds).await?,
        "join" => join::bench(rounds).await?,
        "relay" => relay::bench(rounds)?,
        "relay-memory" => relay::bench_memory(rounds).await?,
        "faults" => return faults::bench(rounds),
        _ => size::bench().await?,
    };
    println!("\n{table}");
    Ok(!table.missed())
}
