//! The program itself, as a process of its own.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::PATIENCE;

/// The program with these flags, killed when dropped.
pub fn klatch(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_klatch"));
    command.args(flags).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// A program that serves, and the URL it says it does so on.
pub async fn start(flags: &[&str]) -> (Child, String) {
    let mut child = klatch(flags).spawn().expect("it runs");
    let stdout = child.stdout.take().expect("piped");
    let mut line = String::new();
    timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line)).await.expect("in time").expect("a line");
    let url = line.strip_prefix("klatch listening on ").expect("the promised line").trim_end();
    (child, url.to_owned())
}
