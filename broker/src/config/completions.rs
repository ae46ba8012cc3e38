//! What a shell has to know to complete the flags, made from their definitions.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::Config;

/// A script for this shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut command = Config::command();
    let (name, mut script) = (command.get_name().to_owned(), Vec::new());
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}
