//! The program `klatch`: reads its flags, serves until it is told to stop.

use std::io::{self, Write as _};
use std::panic::PanicHookInfo;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::Context as _;
use klatch_broker::{
    BadConfig, Config, Finding, LogFormat, chained, check, client_hashes, completions, one_line, serve, step_back,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What a storm took goes back to the system within seconds. The system's own allocator keeps it for as long as anything lives that
/// was allocated later.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let config = match Config::read(std::env::args_os()) {
        Ok(config) => config,
        Err(BadConfig::Flags(asked)) if !asked.use_stderr() => {
            let _ = asked.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("klatch: {}", reason(&error));
            return ExitCode::from(2);
        }
    };
    if config.print_client_hash {
        client_hashes().for_each(|line| _ = writeln!(io::stdout(), "{line}"));
        return ExitCode::SUCCESS;
    }
    if let Some(shell) = config.completions {
        let _ = io::stdout().write_all(&completions(shell));
        return ExitCode::SUCCESS;
    }
    if config.check {
        return try_out(&config);
    }
    match run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("klatch: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says what is well on standard output and what is wrong on standard error, a line each.
fn try_out(config: &Config) -> ExitCode {
    allow_many_connections();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("klatch: can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let findings = runtime.block_on(check(config));
    for finding in &findings {
        match finding {
            Finding::Well(text) => _ = writeln!(io::stdout(), "well: {text}"),
            Finding::Unsure(text) => _ = writeln!(io::stdout(), "unsure: {text}"),
            Finding::Wrong(text) => eprintln!("klatch: {text}"),
        }
    }
    let is_wrong = findings.iter().any(|finding| matches!(finding, Finding::Wrong(_)));
    if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run(config: &Config) -> anyhow::Result<()> {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.enable_all().on_thread_start(step_back).build().context("can't start threads")?;
    runtime.block_on(run_here(config))
}

async fn run_here(config: &Config) -> anyhow::Result<()> {
    log_to_stderr(config);
    allow_many_connections();
    let starting = tokio::spawn(give_up_when(told_to_stop()?));
    let mut told_to_stop = pin!(told_to_stop()?);
    let mut server = serve(config).await?;
    starting.abort();
    tokio::select! {
        () = server.ready() => {}
        () = told_to_stop.as_mut() => {
            server.shutdown().await;
            return Ok(());
        }
    }
    // Whoever reads this line may have gone; that is no reason to stop.
    let _ = writeln!(io::stdout(), "klatch listening on {}", server.url);
    if let Some(url) = &server.relay_url {
        let _ = writeln!(io::stdout(), "klatch relaying on {url}");
    }
    for line in &server.announcements {
        let _ = writeln!(io::stdout(), "{line}");
    }

    let end = tokio::select! {
        () = told_to_stop => Ok(()),
        error = server.failure() => Err(error.into()),
    };
    tracing::info!("stopping");
    server.shutdown().await;
    end
}

/// Waits for any of the signals, those included that came since this was called. A terminal that is closed ends it too, as there is nothing
/// that SIGHUP could have read again: certificates and codes are, by themselves.
fn told_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminated = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("can't listen for SIGINT")?;
    let hung_up = (!outlives_its_terminal()).then(|| signal(SignalKind::hangup())).transpose();
    let mut hung_up = hung_up.context("can't listen for SIGHUP")?;
    Ok(async move {
        let hung_up = async {
            match &mut hung_up {
                Some(hung_up) => _ = hung_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
            () = hung_up => {}
        }
    })
}

/// Whether SIGHUP is ignored, as by `nohup`, which is left so; it is as well where nobody can tell.
fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // A bit for each signal, of which this one is the first.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 == 1)
}

/// Ends the program while nobody is served yet. The start can't be asked to end: it may wait for a file that says nothing.
async fn give_up_when(told_to_stop: impl Future<Output = ()>) {
    told_to_stop.await;
    std::process::exit(0);
}

/// Each connection is a file descriptor, and many systems grant a program a thousand unless it asks for what it may have.
fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the limit on open files stays as it is");
    }
}

fn reason(error: &BadConfig) -> String {
    match error {
        BadConfig::Flags(error) => one_line(error),
        BadConfig::Together(file, error) => {
            format!("{} (together with what {} says)", one_line(error), file.display())
        }
        BadConfig::File(error) => chained(error),
    }
}

fn log_to_stderr(config: &Config) {
    let format = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(config.log.clone());
    match config.log_format {
        LogFormat::Text => registry.with(format.with_ansi(false)).init(),
        LogFormat::Json => registry.with(format.json()).init(),
    }
    std::panic::set_hook(Box::new(log_panic));
}

/// In the log's own format, and in one line.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let what = panic.payload_as_str().unwrap_or("no reason").replace('\n', " ");
    tracing::error!("this should not have happened, at {place}: {what}");
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_panic_is_one_line_of_the_log() {
        let path = std::env::temp_dir().join(format!("klatch-panic-{}", std::process::id()));
        let log = File::create(&path).expect("a place for files");
        let subscriber = tracing_subscriber::fmt().json().with_writer(log).finish();
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        let panicked = tracing::subscriber::with_default(subscriber, || {
            std::panic::catch_unwind(|| panic!("first {}\nsecond", 1))
        });
        std::panic::set_hook(usual);
        let logged = std::fs::read_to_string(&path).expect("it was written");
        std::fs::remove_file(&path).expect("it is there");
        assert!(panicked.is_err() && logged.lines().count() == 1, "{logged}");
        assert!(
            logged.contains(r#""level":"ERROR""#) && logged.contains("main.rs:") && logged.contains("first 1 second")
        );
    }
}
