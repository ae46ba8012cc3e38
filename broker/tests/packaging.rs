//! What `packaging` holds for hosts: that systemd finds nothing wrong with the unit, and the program nothing with its configuration; and that
//! licences are gathered, all of them.

mod common;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{TempFile, left_out};
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
            left_out("systemd-analyze is not installed (Debian: systemd)");
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
fn the_unit_starts_it_again_unless_the_configuration_is_at_fault() {
    let unit = packaging("klatch.service");
    for setting in ["Restart=always", "RestartPreventExitStatus=2"] {
        assert!(unit.lines().any(|line| line == setting), "{setting}");
    }
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

#[test]
fn what_the_example_keeps_is_in_the_folder_that_the_unit_grants() {
    let unit = packaging("klatch.service");
    let granted = unit.lines().find_map(|line| line.strip_prefix("StateDirectory=")).expect("it grants one");
    let granted = Path::new("/var/lib").join(granted);
    let file = TempFile::with(&packaging("klatch.toml"));
    let config = Config::read(["klatch", "--config", file.path()].map(OsString::from)).expect("it is read");
    assert_eq!(config.state, Some(granted.join("rooms.klatch")));
    // Where the service has had them by itself, so that a trial by root looks there too.
    assert_eq!(config.tls.acme_cache, Some(granted.join("acme")));
}

/// Gathers licences in this workspace. Whether that was done, what was said of it, and the file; nothing where there is no Node.
fn licences(workspace: &Path, packages: &[&str]) -> Option<(bool, String, String)> {
    let (above, file) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), TempFile::with(""));
    let mut node = Command::new("node");
    node.arg(above.join("packaging/licences.mjs")).arg(file.path()).arg(above.join("LICENSE-APACHE")).args(packages);
    let Ok(done) = node.current_dir(workspace).output() else {
        left_out("Node is not installed");
        return None;
    };
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Some((done.status.success(), said, fs::read_to_string(file.path()).expect("it is there")))
}

#[test]
fn all_that_is_compiled_into_the_program_and_the_page_is_named_with_its_licence() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let packages = ["klatch-broker@x86_64-unknown-linux-musl", "klatch-client@wasm32-unknown-unknown"];
    let Some((is_done, said, all)) = licences(&workspace, &packages) else { return };
    assert!(is_done, "{said}");
    // A crate of each side, a macro, what lies in a crate's depth, and what a static program has of the system.
    for part in [
        "\nwarp 0.",
        "\nyew 0.",
        "\nserde_derive 1.",
        "\nring 0.",
        "Jason Evans",
        "\nthe Rust standard library ",
        "musl",
        "CDLA-Permissive-2.0",
    ] {
        assert!(all.contains(part), "{part}");
    }
    // Tests are not in the program, nor what macros are built from, nor what is ours.
    for part in ["\nproptest ", "\nsyn ", "\nklatch", env!("CARGO_MANIFEST_DIR")] {
        assert!(!all.contains(part), "{part}");
    }
    let again = licences(&workspace, &packages).map(|(_, _, again)| again);
    assert_eq!(again.as_ref(), Some(&all), "it is the same each time");
}

#[test]
fn a_crate_without_a_licence_text_is_not_passed_on() {
    let folder = PathBuf::from(TempFile::unused().path());
    let write = |name: &str, text: &str| {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a place for files");
        fs::write(file, text).expect("a place for files");
    };
    write("app/Cargo.toml", "[package]\nname = \"app\"\n[dependencies]\nbare = { path = \"../bare\" }\n[workspace]\n");
    write("app/src/lib.rs", "");
    write(
        "app/Cargo.lock",
        "version = 4\n[[package]]\nname = \"app\"\nversion = \"0.0.0\"\ndependencies = [\"bare\"]\n[[package]]\nname = \"bare\"\nversion = \"1.2.3\"\n",
    );
    write("bare/src/lib.rs", "");
    let gather = |licence: &str| {
        write(
            "bare/Cargo.toml",
            &format!("[package]\nname = \"bare\"\nversion = \"1.2.3\"\nlicense = \"{licence}\"\n"),
        );
        licences(&folder.join("app"), &["app@x86_64-unknown-linux-gnu"])
    };
    let Some((is_done, said, _)) = gather("MIT") else { return };
    assert!(!is_done && said.contains("bare 1.2.3 (MIT) ships no licence text"), "{said}");
    // The text of this one is the same whoever grants it.
    let (is_done, said, all) = gather("MIT OR Apache-2.0").expect("there was Node");
    assert!(
        is_done && all.contains("\nbare 1.2.3: MIT OR Apache-2.0 [1]\n") && all.contains("Apache License"),
        "{said}{all}"
    );
    write("bare/depth/LICENSE-OTHER", "Words of bare's authors.\n");
    let (is_done, said, all) = gather("MIT").expect("there was Node");
    assert!(is_done && all.contains("Words of bare's authors."), "{said}{all}");
    write("bare/depth/LICENSE-OTHER", " \n");
    assert!(gather("MIT").is_some_and(|(is_done, said, _)| !is_done && said.contains("LICENSE-OTHER is empty")));
    fs::remove_dir_all(&folder).expect("it is there");
}
