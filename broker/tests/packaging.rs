//! What `packaging` holds for hosts: that systemd finds nothing wrong with the unit, and the program nothing with its configuration.

mod common;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::TempFile;
use klatch_broker::Config;

/// Tenths of what `systemd-analyze security` may find exposed, of ten: what is left is the network and one capability.
const MOST_EXPOSED: &str = "20";

fn packaging(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name);
    fs::read_to_string(&path).expect("it is there")
}

/// The unit in a folder that is gone with the test, for the program that is tested.
struct Unit(PathBuf);

impl Unit {
    fn new() -> Self {
        let folder = TempFile::unused();
        let folder = PathBuf::from(folder.path());
        fs::create_dir(&folder).expect("a place for files");
        let text = packaging("klatch.service").replace("/usr/local/bin/klatch", env!("CARGO_BIN_EXE_klatch"));
        fs::write(folder.join("klatch.service"), text).expect("a place for files");
        Self(folder)
    }

    /// Whether systemd is content, and what it says; nothing where there is none.
    fn analyze(&self, arguments: &[&str]) -> Option<(bool, String)> {
        let unit = self.0.join("klatch.service");
        let Ok(done) = Command::new("systemd-analyze").args(arguments).arg(unit).output() else {
            eprintln!("LEFT OUT: systemd-analyze is not installed (Debian: systemd)");
            return None;
        };
        Some((done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned()))
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let Some((is_content, said)) = Unit::new().analyze(&["verify", "--man=no"]) else { return };
    assert!(is_content && said.is_empty(), "{said}");
}

#[test]
fn the_unit_exposes_next_to_nothing() {
    let threshold = format!("--threshold={MOST_EXPOSED}");
    let analyzed = Unit::new().analyze(&["security", "--offline=true", "--no-pager", &threshold]);
    let Some((is_content, said)) = analyzed else { return };
    assert!(is_content, "{said}");
}

#[test]
fn the_example_configuration_is_read_with_all_that_it_suggests() {
    let example = packaging("klatch.toml");
    let is_setting = |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let all = example.lines().map(|line| line.strip_prefix('#').filter(|line| is_setting(line)).unwrap_or(line));
    let all = all.collect::<Vec<_>>().join("\n");
    assert_ne!(all, example.trim_end(), "nothing was suggested");
    for text in [&example, &all] {
        let file = TempFile::with(text);
        let read = Config::read(["klatch", "--config", file.path()].map(OsString::from));
        assert!(read.is_ok(), "{:?}", read.err());
    }
}
