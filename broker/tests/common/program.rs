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
    serving(klatch(flags)).await
}

/// The same with a disk on which no file may have more than so many KiB.
pub async fn start_on_small_disk(kib: u32, flags: &[&str]) -> (Child, String) {
    serving(on_small_disk(kib, flags)).await
}

/// The program with these flags, and such a disk.
pub fn on_small_disk(kib: u32, flags: &[&str]) -> Command {
    // Writing beyond the limit is an error then, and not the end.
    limited(&format!("trap '' XFSZ; ulimit -f {}", kib * 2), flags)
}

/// The program with these flags, which may open so many files.
pub fn with_few_files(files: u32, flags: &[&str]) -> Command {
    limited(&format!("ulimit -n {files}"), flags)
}

fn limited(limit: &str, flags: &[&str]) -> Command {
    let (klatch, script) = (klatch(flags), format!("{limit}; exec \"$@\""));
    let mut limited = Command::new("sh");
    limited.args(["-c", &script, "sh"]).arg(klatch.as_std().get_program()).args(klatch.as_std().get_args());
    limited.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    limited
}

/// A program that serves, by any command.
pub async fn serving(mut command: Command) -> (Child, String) {
    let mut child = command.spawn().expect("it runs");
    let stdout = child.stdout.take().expect("piped");
    let mut line = String::new();
    timeout(PATIENCE, BufReader::new(stdout).read_line(&mut line)).await.expect("in time").expect("a line");
    let url = line.strip_prefix("klatch listening on ").expect("the promised line").trim_end();
    (child, url.to_owned())
}
