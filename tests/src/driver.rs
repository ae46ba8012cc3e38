//! chromedriver and geckodriver, and the display that a Firefox with a real screen needs.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::process::Process;

/// How long a driver or a display may take to start on a busy machine.
const START: Duration = Duration::from_secs(20);

/// A running WebDriver server with the browsers that it starts; all are killed when it is dropped.
pub struct Driver {
    process: Process,
    url: String,
}

impl Driver {
    /// chromedriver on a port that it picks.
    ///
    /// # Errors
    /// It does not start.
    pub async fn chromium() -> Result<Self> {
        let mut command = Command::new(variable("CHROMEDRIVER", "chromedriver"));
        command.arg("--port=0");
        Self::start("chromedriver", command, "started successfully on port ").await
    }

    /// geckodriver on a port that it picks, showing Firefox on `display` if there is one.
    ///
    /// # Errors
    /// It does not start.
    pub async fn firefox(display: Option<&Display>) -> Result<Self> {
        let mut command = Command::new(variable("GECKODRIVER", "geckodriver"));
        command.args(["--port", "0", "--websocket-port", "0"]);
        if let Some(display) = display {
            command.env("DISPLAY", display.name());
        }
        Self::start("geckodriver", command, "Listening on 127.0.0.1:").await
    }

    async fn start(name: &str, command: Command, before_port: &'static str) -> Result<Self> {
        let mut process = Process::start(name, command)?;
        let port = process
            .says(START, |line| {
                let (_, port) = line.split_once(before_port)?;
                port.trim_end_matches('.').trim().parse::<u16>().ok()
            })
            .await?;
        Ok(Self { process, url: format!("http://127.0.0.1:{port}") })
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
