use super::super::{BadConfig, Config};
use super::*;
use clap::{CommandFactory as _, Parser as _};
use std::ffi::OsString;

fn parsed(text: &str) -> Result<Vec<String>, (usize, String)> {
    let settings = parse(text, &Config::command());
    settings
        .map(|settings| settings.into_iter().flat_map(|setting| setting.flags).collect())
        .map_err(|(at, fault)| (line(text, at), fault.to_string()))
}

/// A file of this content, for as long as something is read from it.
fn read_with<T>(content: &str, read: impl FnOnce(&str) -> T) -> T {
    let random = u64::from_be_bytes(klatch_shared::random_bytes());
    let path = std::env::temp_dir().join(format!("klatch-config-{random:016x}.toml"));
    std::fs::write(&path, content).expect("a place for files");
    let read = read(path.to_str().expect("text"));
    std::fs::remove_file(&path).expect("it is there");
    read
}

/// What flags and a file say together.
fn together(flags: &[&str], content: &str) -> Result<Config, BadConfig> {
    read_with(content, |path| {
        let flags = ["klatch", "--config", path].into_iter().chain(flags.iter().copied()).map(OsString::from);
        Config::read(flags).map(|config| Config { config: None, said: Vec::new(), doubts: Vec::new(), ..config })
    })
}

fn shown(config: &Config) -> String {
    format!("{config:?}")
}

/// A value that each flag of this kind takes, as TOML.
fn sample(key: &str, arg: &Arg) -> &'static str {
    let name = arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    match (key, name) {
        ("acme-directory", _) => r#""https://acme.example/dir""#,
        ("ice-server", _) => r#"["stun:stun.example", "stun:other.example"]"#,
        (_, "ADDR") if matches!(arg.get_action(), ArgAction::Append) => r#"["127.0.0.1:7", "[::1]:7"]"#,
        (_, "ADDR") => r#""127.0.0.1:7""#,
        (_, "URL" | "ORIGIN") => r#""https://meet.example""#,
        (_, "DURATION") => r#""45m""#,
        (_, "N") => "7",
        (_, "NAME=VALUE") => "{ connections = 5, turn-channels = 3 }",
        (_, "FILE" | "DIR" | "NAME" | "EMAIL") => r#""some@name""#,
        (_, "FILTER") => r#""debug""#,
        (_, "FORMAT") => r#""json""#,
        (_, "DOMAIN") => r#""meet.example""#,
        (_, "IP") => r#""203.0.113.7""#,
        (_, "LOW-HIGH") => r#""5000-6000""#,
        (_, "CIDR") => r#""10.0.0.0/8""#,
        _ if is_switch(arg) => "true",
        _ => panic!("{key} needs a sample"),
    }
}

/// What a flag can't be said without.
fn companions(key: &str) -> &'static [&'static str] {
    match key {
        "tls-cert" => &["--tls-key=k"],
        "tls-key" => &["--tls-cert=c"],
        "http-redirect" => &["--self-signed"],
        "turn-tls-listen" => &["--turn", "--self-signed"],
        "ice-secret-file" => &["--ice-server=stun:stun.example"],
        key if key.starts_with("acme-") => &["--acme=meet.example"],
        key if key.starts_with("turn-") => &["--turn"],
        _ => &[],
    }
}

#[test]
fn each_flag_can_be_said_in_a_file_and_means_the_same_there() {
    let command = Config::command();
    for arg in command.get_arguments() {
        let key = arg.get_long().expect("all flags are long");
        if COMMAND_LINE_ALONE.contains(&key) {
            continue;
        }
        let (companions, line) = (companions(key), format!("{key} = {}", sample(key, arg)));
        let flags = parsed(&line).unwrap_or_else(|fault| panic!("{key}: {fault:?}"));
        let by_flags = Config::try_parse_from(
            ["klatch"].iter().copied().chain(companions.iter().copied()).chain(flags.iter().map(String::as_str)),
        );
        let by_flags = shown(&by_flags.unwrap_or_else(|error| panic!("{key}: {error}")));
        assert_eq!(shown(&together(companions, &line).expect(key)), by_flags, "{key}");
        if let Ok(without) = together(companions, "") {
            assert_ne!(shown(&without), by_flags, "{key}");
        }
    }
}

#[test]
fn what_is_said_on_the_command_line_goes_before_the_file() {
    let file = "listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nmax-members = 3\nroom-ttl = \"1h\"";
    let config = together(&["--max-members", "5", "--listen=127.0.0.1:3"], file).expect("a configuration");
    assert_eq!((config.max_members, config.room_ttl.as_millis()), (5, 3_600_000));
    assert_eq!(config.listen, ["127.0.0.1:3".parse().expect("an address")]);
}

#[test]
fn of_limits_the_command_line_replaces_those_that_it_names() {
    let file = "[limit]\nconnections = 5\nframe-burst = 6\nturn-channels = 3";
    let config = together(&["--limit", "connections=7,turn-connections=8"], file).expect("a configuration");
    let (limits, relay) = (config.limits(), config.relay_limits());
    assert_eq!((limits.connections, limits.frame_burst), (7, 6));
    assert_eq!((relay.channels, relay.connections), (3, 8));
}

#[test]
fn what_one_flag_needs_of_another_may_stand_in_the_file() {
    assert!(together(&["--turn-ports", "5000-6000"], "turn = true").expect("a relay").relay.turn);
    let acme = together(&[], "acme = [\"meet.example\"]").expect("a configuration");
    assert_eq!(acme.listen, ["[::]:443".parse().expect("an address")]);
    assert!(matches!(together(&["--nonsense"], "turn = true"), Err(BadConfig::Flags(_))));
}

#[test]
fn what_does_not_go_together_is_told_by_the_line_at_fault() {
    for (flags, text, at, said) in [
        (&[][..], "\nturn-ports = \"5000-6000\"", 2, "`turn-ports` can't stand so: the following required arguments"),
        (&[], "max-rooms = 5\nacme-email = \"a@b.example\"", 2, "not provided: --acme <DOMAIN>"),
        (
            &["--self-signed"],
            "\n\nacme = \"meet.example\"",
            3,
            "`acme` can't stand so: the argument '--acme <DOMAIN>' cannot",
        ),
        (&[], "self-signed = true\nacme = \"meet.example\"", 1, "cannot be used with"),
    ] {
        match together(flags, text) {
            Err(BadConfig::File(BadConfigFile::Line { line, fault, .. })) => {
                assert!(line == at && fault.to_string().contains(said), "{text}: {line}, {fault}");
            }
            read => panic!("{text}: {read:?}"),
        }
    }
    let both = "turn-ports = \"5000-6000\"\nacme-email = \"a@b.example\"";
    assert!(matches!(together(&[], both), Err(BadConfig::Together(..))));
}

#[test]
fn limits_are_a_table_or_a_list() {
    for text in [
        "[limit]\nconnections = 5\nturn-channels = 0x3",
        "limit = [\"connections=5\", \"turn-channels=3\"]",
        "limit.connections = 5\nlimit.turn-channels = 3",
    ] {
        assert_eq!(parsed(text).expect(text), ["--limit=connections=5", "--limit=turn-channels=3"], "{text}");
    }
    assert_eq!(parsed("limit = \"connections=5\""), Ok(vec!["--limit=connections=5".to_owned()]));
}

#[test]
fn a_fault_is_told_by_its_line_its_key_and_what_is_expected() {
    for (text, at, said) in [
        ("turn = true\n\nlisen = \"[::]:80\"", 3, "unknown key `lisen`; did you mean `listen`?"),
        ("zzz = 1", 1, "unknown key `zzz`"),
        ("[relay]\nturn = true", 1, "unknown key `relay`"),
        ("config = \"other.toml\"", 1, "`config` is for the command line, not for a file"),
        (
            "room-ttl = \"soon\"",
            1,
            "wrong value for `room-ttl`: a duration is a whole number and s, m, h or d, as in 90s, 30m or 2h, and ten years at most",
        ),
        ("max-members = 65", 1, "wrong value for `max-members`: it is a whole number from 1 to 64"),
        ("max-members = 1.5", 1, "wrong value for `max-members`: it is one text or one number"),
        ("max-members = [1]", 1, "wrong value for `max-members`: it is one text or one number"),
        ("log-format = \"xml\"", 1, "wrong value for `log-format`: it is one of text, json"),
        ("turn = \"yes\"", 1, "wrong value for `turn`: it is true or false, without quotes"),
        ("listen = [\n\"[::]:80\",\ntrue]", 3, "wrong value for `listen`: in a list are texts or numbers"),
        (
            "listen = [\n\"[::]:80\",\n\"nowhere\"]",
            3,
            "wrong value for `listen`: an address is an IP address and a port, as in 127.0.0.1:8080",
        ),
        ("listen = { a = 1 }", 1, "wrong value for `listen`: it is a text, or a list of texts"),
        ("limit = true", 1, "wrong value for `limit`: it is a table, or a list of texts"),
        ("[limit]\nconnections = \"many\"", 2, "wrong value for `limit`: "),
        ("[limit]\n\nfun = 3", 3, "wrong value for `limit`: "),
        ("turn = true\nturn = true", 2, "this is no TOML: "),
        ("turn", 1, "this is no TOML: "),
    ] {
        let (line, fault) = parsed(text).expect_err(text);
        assert!(line == at && fault.starts_with(said) && fault.lines().count() == 1, "{text}: {line}: {fault}");
    }
}

#[test]
fn a_file_that_can_not_be_read_is_told_by_its_name() {
    let error = read(Path::new("/nowhere"), &Config::command()).expect_err("nothing there");
    assert_eq!(error.to_string(), "can't read the configuration file /nowhere");
    let error = read_with("max-rooms = 0", |path| (path.to_owned(), read(Path::new(path), &Config::command())));
    let said = error.1.expect_err("no room").to_string();
    assert!(said.starts_with(&format!("{}, line 1: wrong value for `max-rooms`: ", error.0)), "{said}");
}
