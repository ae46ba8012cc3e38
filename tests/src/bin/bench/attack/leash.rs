//! An attacker is a process of its own, of the idle scheduling class, and on a leash: it waits for a word to begin, and ends
//! when the leash is dropped.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use klatch_tests::process::Process;

use super::{Attack, VERB};

const READY: &str = "ready";
const HEIGHT: &str = "at the height";
const OVER: &str = "over: ";
/// For an attacker to get ready, and to clear up.
const PATIENCE: Duration = Duration::from_secs(60);

/// An attacker, from the side of whoever sets it on.
pub struct Attacker {
    process: Process,
    leash: Option<TcpStream>,
}

impl Attacker {
    /// Starts one against the broker on this port, and waits until it has what it needs.
    ///
    /// # Errors
    /// It does not get ready.
    pub async fn start(attack: Attack, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let mut command = Command::new("chrt");
        command.args(["--idle", "0"]).arg(std::env::current_exe()?);
        command.args([VERB, attack.name(), &port.to_string(), &listener.local_addr()?.port().to_string()]);
        let mut process = Process::start("an attacker", command)?;
        process.says(PATIENCE, |line| (line == READY).then_some(())).await?;
        let (leash, _) = listener.accept()?;
        Ok(Self { process, leash: Some(leash) })
    }

    /// Lets it begin.
    ///
    /// # Errors
    /// It is gone.
    pub fn begin(&mut self) -> Result<()> {
        let leash = self.leash.as_mut().context("it is over")?;
        Ok(leash.write_all(&[0])?)
    }

    /// Whether it does its worst by now.
    pub fn is_at_the_height(&self) -> bool {
        self.process.stdout().find(|line| (line == HEIGHT).then_some(())).is_some()
    }

    /// Ends it, and says what it did.
    ///
    /// # Errors
    /// It failed.
    pub async fn end(mut self) -> Result<String> {
        drop(self.leash.take());
        self.process.says(PATIENCE, |line| line.strip_prefix(OVER).map(str::to_owned)).await
    }
}

/// The attacker's end.
pub struct Leash(TcpStream);

impl Leash {
    /// Takes hold of it.
    ///
    /// # Errors
    /// Nobody holds the other end.
    pub fn of(port: u16) -> Result<Self> {
        Ok(Self(TcpStream::connect(("127.0.0.1", port))?))
    }

    /// Says that everything is prepared, and waits for the word.
    ///
    /// # Errors
    /// It does not come.
    pub fn wait(&mut self) -> Result<()> {
        println!("{READY}");
        ensure!(self.0.read(&mut [0])? == 1, "there is to be no attack");
        self.0.set_nonblocking(true)?;
        Ok(())
    }

    /// Says that everything is there that is to come.
    pub fn reach_the_height(&self) {
        println!("{HEIGHT}");
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// The other end can't be heard.
    pub fn holds(&mut self) -> Result<bool> {
        match self.0.read(&mut [0]) {
            Ok(0) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Says what was done, once everything is closed.
    pub fn report(self, words: &str) {
        println!("{OVER}{words}");
    }
}
