//! chromedriver and geckodriver, and the display that a Firefox with a real screen needs.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::lab::{Gate, Home};
use crate::process::Process;

/// How long a driver or a display may take to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A running WebDriver server with the browsers that it starts; all are killed when it is dropped.
pub struct Driver {
    process: Process,
    url: String,
    _gates: Vec<Gate>,
}

impl Driver {
    /// chromedriver on a port that it picks, at `home` if there is one.
    ///
    /// # Errors
    /// It does not start.
    pub async fn chromium(home: Option<&Home>) -> Result<Self> {
        let program = variable("CHROMEDRIVER", "chromedriver");
        let (mut command, gates) = at(home, &program, 1).await?;
        command.arg(format!("--port={}", port(&gates, 0)));
        Self::start("chromedriver", command, "started successfully on port ", gates).await
    }

    /// geckodriver on a port that it picks, at `home` if there is one, showing Firefox on `display` if there is one.
    ///
    /// # Errors
    /// It does not start.
    pub async fn firefox(home: Option<&Home>, display: Option<&Display>) -> Result<Self> {
        let program = variable("GECKODRIVER", "geckodriver");
        let (mut command, gates) = at(home, &program, 2).await?;
        command.args(["--port", &port(&gates, 0), "--websocket-port", &port(&gates, 1)]);
        if let Some(display) = display {
            command.env("DISPLAY", display.name());
        }
        Self::start("geckodriver", command, "Listening on 127.0.0.1:", gates).await
    }

    async fn start(name: &str, command: Command, before_port: &'static str, gates: Vec<Gate>) -> Result<Self> {
        let mut process = Process::start(name, command)?;
        let port = process
            .says(START, |line| {
                let (_, port) = line.split_once(before_port)?;
                port.trim_end_matches('.').trim().parse::<u16>().ok()
            })
            .await?;
        Ok(Self { process, url: format!("http://127.0.0.1:{port}"), _gates: gates })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process, with its scratch folder.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// How to start a program, and so many ports by which it can be reached from here, wherever it is.
async fn at(home: Option<&Home>, program: &str, ports: usize) -> Result<(Command, Vec<Gate>)> {
    let Some(home) = home else { return Ok((Command::new(program), Vec::new())) };
    let mut gates = Vec::new();
    for _ in 0..ports {
        gates.push(home.gate().await?);
    }
    Ok((home.command(program), gates))
}

/// 0 has a free one picked.
fn port(gates: &[Gate], number: usize) -> String {
    gates.get(number).map_or(0, Gate::port).to_string()
}

/// A display that nobody looks at.
pub struct Display {
    name: String,
    _process: Process,
}

impl Display {
    /// Xvfb on a free display.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start() -> Result<Self> {
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]);
        let mut process = Process::start("Xvfb", command)?;
        let number = process.says(START, |line| line.trim().parse::<u32>().ok()).await?;
        Ok(Self { name: format!(":{number}"), _process: process })
    }

    /// As in `DISPLAY`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// An environment variable that `./build.sh` sets, or what is usual.
pub(crate) fn variable(name: &str, usual: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| usual.to_owned())
}
