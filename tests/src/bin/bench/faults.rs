//! What befalls calls, and how soon they are over it. Here a target that is missed is a failure: words are lost, or are not.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use klatch_tests::diary::PAUSE;
use klatch_tests::faults::{Account, Measure, Trouble, befall, update};
use klatch_tests::{Lab, scene};

use super::table::{Table, Target, aligned, median, verdict};

/// Far more than any takes.
const LIMIT: Duration = Duration::from_secs(600);

/// Rows of accounts, one a trouble.
struct Troubles {
    rounds: usize,
    rows: Vec<(Trouble, Vec<Option<Account>>)>,
}

/// Plays all of them, prints the tables, and tells whether no target was missed.
///
/// # Errors
/// There is no lab here, or no browser.
pub fn bench(rounds: usize) -> Result<bool> {
    if let Some(why) = Lab::impossible() {
        bail!("no network namespaces here: {why}");
    }
    let mut troubles = Troubles { rounds, rows: Vec::new() };
    for trouble in Trouble::ALL {
        let accounts = (0..rounds).map(|_| account(trouble));
        troubles.rows.push((trouble, accounts.collect()));
    }
    println!("\n{troubles}");
    let table = updates(rounds)?;
    println!("\n{table}");
    Ok(!troubles.rows.iter().any(|(_, accounts)| missed(accounts)) && !table.missed())
}

/// What came of one; nothing where the call did not get over it.
fn account(trouble: Trouble) -> Option<Account> {
    eprintln!("{trouble}…");
    let account = play(async |scene| befall(scene, &mut Lab::start().await?, trouble).await);
    account.inspect_err(|error| eprintln!("{trouble}: {error:#}")).ok()
}

/// Scenes have a runtime of their own.
fn play<T: Send>(scenario: impl AsyncFnOnce(&scene::Scene) -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let played = scope.spawn(|| scene::attempt("bench::faults".to_owned(), LIMIT, scenario)).join();
        played.unwrap_or_else(|_| bail!("it panicked"))
    })
}

fn updates(rounds: usize) -> Result<Table> {
    let file = std::env::temp_dir().join(format!("klatch-bench-{}.redb", std::process::id()));
    let path = file.to_str().context("a path that is no text")?;
    let mut table = Table::new(format!(
        "update: five in a call, the broker stopped and started again within 2 s; the floor is the call without that; {rounds} rounds"
    ));
    for (how, flags) in [(", revived", &[][..]), (", --state", &["--state", path][..])] {
        let (mut updates, mut failures) = (Vec::new(), 0);
        for _ in 0..rounds {
            eprintln!("update{how}…");
            match play(async |scene| update(scene, flags).await) {
                Ok(update) => updates.push(update),
                Err(error) => {
                    eprintln!("update{how}: {error:#}");
                    failures += 1;
                }
            }
            // Without it there is none.
            let _ = std::fs::remove_file(&file);
        }
        table.tell(&format!("calls that did not get over it{how}"), 0, f64::from(failures), Target::Most(0.0));
        for measure in Measure::ALL {
            let ours: Vec<_> = updates.iter().map(|update| measure.of(&update.updated)).collect();
            let floor: Vec<_> = updates.iter().map(|update| measure.of(&update.quiet)).collect();
            let what = format!("{}{how}", measure.what);
            table.compare(&what, measure.digits, &ours, &floor, Target::Above(measure.noise));
        }
        let astray: usize = updates.iter().map(|update| update.astray.len()).sum();
        let said: usize = updates.iter().map(|update| update.said).sum();
        table.tell(&format!("messages of {said} that went astray{how}"), 0, astray as f64, Target::Most(0.0));
        let gaps: Vec<_> = updates.iter().map(|update| update.gap.as_secs_f64()).collect();
        table.tell(&format!("without a broker, s{how}"), 2, median(&gaps), Target::None);
        let longest = updates.iter().map(|update| update.silence / 1e3).fold(0.0, f64::max);
        table.tell(&format!("longest silence, s{how}"), 2, longest, Target::Most(PAUSE / 1e3));
    }
    Ok(table)
}

fn missed(accounts: &[Option<Account>]) -> bool {
    accounts.iter().any(|account| account.as_ref().is_none_or(|account| account.check().is_err()))
}

impl fmt::Display for Troubles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "faults: Chromium and Firefox, each behind a router; {} rounds; times in s", self.rounds)?;
        let header = [
            "",
            "lasted",
            "noticed after",
            "healed after",
            "silence",
            "at most",
            "replaced",
            "messages",
            "lost",
            "twice",
            "",
        ];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(self.rows.iter().map(|(trouble, accounts)| row(*trouble, accounts)));
        f.write_str(&aligned(&rows, &[0, 10]))
    }
}

fn row(trouble: Trouble, rounds: &[Option<Account>]) -> [String; 11] {
    let accounts: Vec<_> = rounds.iter().flatten().collect();
    let middle = |tell: fn(&Account) -> Option<f64>| {
        let figures: Vec<_> = accounts.iter().filter_map(|account| tell(account)).collect();
        if figures.is_empty() { "-".to_owned() } else { format!("{:.1}", median(&figures) / 1e3) }
    };
    // The one that came closest to what may be, or went furthest beyond.
    let closest = accounts
        .iter()
        .max_by(|one, other| (one.silence - one.bearable()).total_cmp(&(other.silence - other.bearable())));
    let seconds = |figure: Option<f64>| figure.map_or("-".to_owned(), |figure| format!("{:.1}", figure / 1e3));
    let sum = |count: fn(&Account) -> usize| accounts.iter().map(|account| count(account)).sum::<usize>().to_string();
    [
        trouble.to_string(),
        middle(|account| Some(account.lasted)),
        middle(|account| account.noticed),
        middle(|account| Some(account.healed)),
        seconds(closest.map(|account| account.silence)),
        seconds(closest.map(|account| account.bearable())),
        sum(|account| account.replaced),
        sum(|account| account.said),
        sum(|account| account.lost.len()),
        sum(|account| account.repeated.len()),
        verdict(missed(rounds)).to_owned(),
    ]
}
