//! The program under test.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::lab::{self, Lab};
use crate::process::{Lines, Process};

/// A running `klatch`, stopped when dropped.
pub struct Broker {
    process: Process,
    url: String,
}

impl Broker {
    /// Starts it on a free port of the loopback interface, with these flags.
    ///
    /// # Errors
    /// It is not built, or does not serve.
    pub async fn start(flags: &[&str]) -> Result<Self> {
        Self::start_on(0, flags).await
    }

    /// Starts it on this port of the loopback interface, with these flags.
    ///
    /// # Errors
    /// It is not built, or does not serve.
    pub async fn start_on(port: u16, flags: &[&str]) -> Result<Self> {
        let mut command = Command::new(program()?);
        command.args(["--listen", &format!("127.0.0.1:{port}")]).args(flags);
        Self::run(command).await
    }

    /// Starts it on this port of a lab's public host, for homes to open as they know that host.
    ///
    /// # Errors
    /// It is not built, or does not serve.
    pub async fn start_in(lab: &Lab, port: u16, flags: &[&str]) -> Result<Self> {
        let (address, name) = lab::PUBLIC;
        let program = program()?;
        let scheme = if flags.contains(&"--tls-cert") { "https" } else { "http" };
        let url = format!("{scheme}://{name}:{port}");
        let mut command = lab.command(program.to_str().context("a path that is no text")?);
        command.args(["--listen", &format!("{address}:{port}"), "--public-url", &url]).args(flags);
        Ok(Self { url, ..Self::run(command).await? })
    }

    async fn run(command: Command) -> Result<Self> {
        let mut process = Process::start("klatch", command)?;
        let url = process
            .says(Duration::from_secs(60), |line| line.strip_prefix("klatch listening on ").map(str::to_owned))
            .await?;
        Ok(Self { process, url: url.trim_end_matches('/').to_owned() })
    }

    /// Where its page is, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port that it got.
    pub fn port(&self) -> u16 {
        self.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the URL ends in the port")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it logged.
    pub fn log(&self) -> &Lines {
        self.process.stderr()
    }

    /// Ends it as a service manager does.
    ///
    /// # Errors
    /// It does not end within some seconds, or not with status 0.
    pub async fn stop(&mut self) -> Result<()> {
        let status = self.process.stop(Duration::from_secs(60)).await?;
        if !status.success() {
            bail!("klatch ended with {status}: {}", self.log().tail(20));
        }
        Ok(())
    }
}

/// `KLATCH_BIN`, or what `./build.sh` left.
///
/// # Errors
/// It left nothing.
pub fn program() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("KLATCH_BIN") {
        return Ok(path.into());
    }
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bin/klatch"));
    if !path.exists() {
        bail!("there is no {}: `./build.sh test` builds it, or KLATCH_BIN says where it is", path.display());
    }
    Ok(path)
}
