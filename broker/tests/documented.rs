//! What README.md and docs/ tell hosts to type and to write: the program takes all of it, and README's table has each of its flags.

mod common;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::TempFile;
use klatch_broker::{BadConfig, Config};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// README.md and what is in docs/, with their paths.
fn documents() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).expect("it is there").map(|entry| entry.expect("it is read").path());
    let all = docs.chain([root().join("README.md")]).filter(|path| path.extension().is_some_and(|it| it == "md"));
    all.map(|path| (path.clone(), fs::read_to_string(path).expect("it is text"))).collect()
}

/// What stands between fences of this kind.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or(rest)).collect()
}

/// What `klatch` is told on a line of a shell, by itself or in a container; nothing where it is told nothing.
fn told(line: &str) -> Option<Vec<String>> {
    let words = shlex::split(line).unwrap_or_else(|| panic!("a quote is open: {line}"));
    let name = words.iter().rposition(|word| matches!(word.as_str(), "klatch" | "./klatch"))?;
    let flags = words[name + 1..].iter().take_while(|word| !word.starts_with('>')).cloned().collect::<Vec<_>>();
    flags.first()?.starts_with("--").then_some(flags)
}

/// The configuration that comes along, wherever it is told to lie.
fn with_ours(flag: String) -> String {
    if flag.ends_with("klatch.toml") { root().join("packaging/klatch.toml").display().to_string() } else { flag }
}

fn read(flags: impl IntoIterator<Item = String>) -> Result<Config, BadConfig> {
    Config::read(["klatch".to_owned()].into_iter().chain(flags).map(OsString::from))
}

#[test]
fn each_command_that_is_told_of_is_taken() {
    let mut count = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "sh") {
            for flags in block.replace("\\\n", " ").lines().filter_map(told) {
                let config = read(flags.iter().cloned().map(with_ours));
                assert!(config.is_ok(), "{}: {flags:?}: {:?}", path.display(), config.err());
                count += 1;
            }
        }
    }
    assert!(count >= 12, "only {count} commands were found");
}

#[test]
fn each_configuration_that_is_told_of_is_taken() {
    let mut count = 0;
    for (path, text) in documents() {
        for block in blocks(&text, "toml") {
            let file = TempFile::with(block);
            let config = read(["--config", file.path()].map(str::to_owned));
            assert!(config.is_ok(), "{}: {:?}", path.display(), config.err());
            count += 1;
        }
    }
    assert!(count >= 1);
}

#[test]
fn the_table_of_flags_has_each_that_there_is_and_no_other() {
    let help = Command::new(env!("CARGO_BIN_EXE_klatch")).arg("--help").output().expect("it runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let flags = |text: &str| {
        text.split(|it: char| !it.is_alphanumeric() && it != '-')
            .filter(|it| it.starts_with("--"))
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let there: BTreeSet<_> = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .flat_map(|line| flags(line).into_iter().take(1))
        .collect();
    let readme = fs::read_to_string(root().join("README.md")).expect("it is there");
    let rows = readme.lines().filter(|line| line.starts_with("| `--"));
    let told = rows.flat_map(|row| flags(row.split('|').nth(1).expect("a cell"))).collect();
    let usual = BTreeSet::from(["--help", "--version"].map(str::to_owned));
    assert_eq!(there.difference(&usual).cloned().collect::<BTreeSet<_>>(), told);
}

#[test]
fn a_line_of_a_shell_is_read_as_the_shell_does() {
    let of = |line: &str| told(line).map(|flags| flags.join(" "));
    assert_eq!(of("(umask 077 && openssl rand -hex 16 >>host-codes)"), None);
    assert_eq!(of("systemctl restart klatch  # soon"), None);
    assert_eq!(of("A=b ./klatch --listen '[::]:443' # all"), Some("--listen [::]:443".to_owned()));
    assert_eq!(of("podman run --name klatch --read-only x klatch --turn"), Some("--turn".to_owned()));
    assert_eq!(of("klatch --completions bash >/usr/share/x"), Some("--completions bash".to_owned()));
}
