//! `--completions`: what shells are told of the flags.

mod common;

use std::process::Stdio;

use clap::CommandFactory as _;
use common::PATIENCE;
use common::program::klatch;
use klatch_broker::Config;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

async fn script(shell: &str) -> String {
    let printed =
        timeout(PATIENCE, klatch(&["--completions", shell]).output()).await.expect("it ends").expect("it runs");
    assert!(printed.status.success() && printed.stderr.is_empty(), "{shell}");
    String::from_utf8(printed.stdout).expect("text")
}

/// What bash prints that is given a script, if it likes it.
async fn bash(flags: &[&str], script: &str) -> Option<String> {
    let mut bash = Command::new("bash");
    let mut bash = bash
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("there is bash");
    let mut stdin = bash.stdin.take().expect("piped");
    stdin.write_all(script.as_bytes()).await.expect("it reads");
    drop(stdin);
    let done = timeout(PATIENCE, bash.wait_with_output()).await.expect("it ends").expect("it ran");
    done.status.success().then(|| String::from_utf8(done.stdout).expect("text"))
}

#[tokio::test]
async fn each_shell_is_told_of_each_flag() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = script(shell).await;
        for argument in Config::command().get_arguments() {
            let name = argument.get_long().expect("all flags are long");
            let flag = if shell == "fish" { format!("-l {name}") } else { format!("--{name}") };
            assert!(script.contains(&flag), "{shell}: {flag}");
        }
    }
}

#[tokio::test]
async fn bash_completes_a_flag_and_what_it_takes() {
    let script = script("bash").await;
    assert!(bash(&["-n"], &script).await.is_some());
    for (words, completed) in [("--tls-c", "--tls-cert"), ("--log-format t", "text"), ("--completions z", "zsh")] {
        let last = words.split(' ').count();
        let ask = format!(
            "COMP_WORDS=(klatch {words}); COMP_CWORD={last}; _klatch klatch \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\"\n"
        );
        assert_eq!(bash(&[], &format!("{script}\n{ask}")).await.expect("it runs").trim(), completed, "{words}");
    }
}

#[tokio::test]
async fn a_shell_that_is_not_known_is_refused_by_those_that_are() {
    let refused =
        timeout(PATIENCE, klatch(&["--completions", "dos"]).output()).await.expect("it ends").expect("it runs");
    let reason = String::from_utf8(refused.stderr).expect("text");
    assert!(refused.status.code() == Some(2) && reason.contains("bash") && reason.lines().count() == 1, "{reason}");
}
