//! What the program can be told: flags, each with an environment variable `KLATCH_<FLAG>` and a key in the file of `--config`.

mod completions;
mod file;
mod log;
mod sources;
mod span;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{ArgPredicate, BoolishValueParser};
use clap::{ArgAction, Parser};
use clap_complete::Shell;
use klatch_relay::{Cidr, LimitSetting};
use tracing_subscriber::filter::Targets;

use crate::ice::IceUrl;
use crate::limits::{self, Limits};
use crate::link::Link;
use crate::origin::Origin;
use crate::relay::RelayFlags;
use crate::tls::TlsFlags;

pub use completions::completions;
pub use file::{BadConfigFile, Fault};
pub use log::LogFormat;
pub use sources::{BadConfig, Place, one_line};
pub use span::{BadSpan, Span};

use log::filter;
use values::number;
pub(crate) use values::{email, public_ip, socket};

/// A peer-to-peer meeting room: a switchboard that can't listen, with the page inside.
#[derive(Clone, Debug, Parser)]
#[command(name = "klatch", version, after_long_help = limits::help(), max_term_width = 120)]
pub struct Config {
    /// HTTP and WebSocket address; port 0 picks a free one. With --acme port 443 of all addresses is the default. Repeatable
    #[arg(
        long,
        env = "KLATCH_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:8080",
        default_value_if("acme", ArgPredicate::IsPresent, "[::]:443"),
        value_delimiter = ',',
        value_parser = socket
    )]
    pub listen: Vec<SocketAddr>,

    /// What invitation links start with: scheme, host, port, no path [default: the first name of --acme where port 443
    /// is listened on, or else the address by which the page was opened]
    #[arg(long, env = "KLATCH_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Origin>,

    /// One more origin that /ws accepts. Repeatable [default: none]
    #[arg(long, env = "KLATCH_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<Origin>,

    /// Where you say who runs this, if you must: the page links to it [default: none]
    #[arg(long, env = "KLATCH_IMPRINT", value_name = "URL")]
    pub imprint: Option<Link>,

    /// Where you say what becomes of people's data: the page links to it [default: none]
    #[arg(long, env = "KLATCH_PRIVACY", value_name = "URL")]
    pub privacy: Option<Link>,

    /// Only who knows one of the codes in this file may open rooms: one a line, or sha256: and the hash of one as
    /// `printf %s CODE | sha256sum` prints it, if it is long and random. Lines that begin with # are skipped. Read again when it changes.
    /// Without --state the first to bring a room back after a restart needs a code too [default: none]
    #[arg(long, env = "KLATCH_HOST_CODE_FILE", value_name = "FILE")]
    pub host_code_file: Option<PathBuf>,

    /// Believe what this proxy says of whom it brings, in X-Forwarded-For and X-Forwarded-Proto, and nobody else. Repeatable
    /// [default: none]
    #[arg(long, env = "KLATCH_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<Cidr>,

    /// An empty room is discarded after this long: 90s, 30m, 2h
    #[arg(long, env = "KLATCH_ROOM_TTL", value_name = "DURATION", default_value = "30m")]
    pub room_ttl: Span,

    /// Members present in one room, at most 64
    #[arg(long, env = "KLATCH_MAX_MEMBERS", value_name = "N", default_value_t = 12, value_parser = number(1, 64))]
    pub max_members: u32,

    /// Rooms held at once
    #[arg(long, env = "KLATCH_MAX_ROOMS", value_name = "N", default_value_t = 10_000, value_parser = number(1, u32::MAX))]
    pub max_rooms: u32,

    /// Any other limit; --help lists their names and defaults. Repeatable
    #[arg(long = "limit", env = "KLATCH_LIMIT", value_name = "NAME=VALUE", value_delimiter = ',', value_parser = limits::setting)]
    pub limit: Vec<LimitSetting>,

    /// Keeps rooms in this file, made if there is none, so that they survive a restart or a crash [default: none]
    #[arg(long, env = "KLATCH_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,

    /// An outside STUN or TURN server to hand to members: stun:HOST:PORT, turn:HOST:PORT or turns:HOST:PORT, the last two
    /// perhaps with ?transport=udp or tcp. Repeatable [default: none]
    #[arg(long, env = "KLATCH_ICE_SERVER", value_name = "URL", value_delimiter = ',')]
    pub ice_server: Vec<IceUrl>,

    /// The secret that outside TURN servers share with this broker, to make time-limited credentials for them (coturn calls
    /// it static-auth-secret) [default: none]
    #[arg(long, env = "KLATCH_ICE_SECRET_FILE", value_name = "FILE", requires = "ice_server")]
    pub ice_secret_file: Option<PathBuf>,

    /// Serve metrics in Prometheus' text format here, at /metrics: not for strangers' eyes [default: none]
    #[arg(long, env = "KLATCH_METRICS_LISTEN", value_name = "ADDR", value_parser = socket)]
    pub metrics_listen: Option<SocketAddr>,

    /// What is logged to standard error: a level, or levels by target as in info,klatch_broker=debug
    #[arg(long, env = "KLATCH_LOG", value_name = "FILTER", default_value = "info", value_parser = filter)]
    pub log: Targets,

    /// How it is logged
    #[arg(long, env = "KLATCH_LOG_FORMAT", value_name = "FORMAT", default_value = "text", action = ArgAction::Set)]
    pub log_format: LogFormat,

    /// All of this in one file instead, in TOML: room-ttl = "2h", turn = true, limit.connections = 500. What is said on the
    /// command line goes first, then the environment, then the file; of limits each by itself [default: none]
    #[arg(long, env = "KLATCH_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Try the configuration instead of serving: ports, certificate, state file, secrets, relay, and what answers by the public name.
    /// Says what is wrong, a line each, and fails then. A klatch that runs already has its ports and its state file in use
    #[arg(long, env = "KLATCH_CHECK", value_parser = BoolishValueParser::new())]
    pub check: bool,

    /// Print the SHA-256 of each file of the page inside instead of serving, as sha256sum does
    #[arg(long, env = "KLATCH_PRINT_CLIENT_HASH", value_parser = BoolishValueParser::new())]
    pub print_client_hash: bool,

    /// Print what this shell needs to complete these flags instead of serving
    #[arg(long, env = "KLATCH_COMPLETIONS", value_name = "SHELL")]
    pub completions: Option<Shell>,

    /// What was said, and where.
    #[arg(skip)]
    pub said: Vec<(String, Place)>,

    /// What is amiss with variables that say nothing, a sentence each.
    #[arg(skip)]
    pub doubts: Vec<String>,

    /// HTTPS.
    #[command(flatten)]
    pub tls: TlsFlags,

    /// The bundled relay.
    #[command(flatten)]
    pub relay: RelayFlags,
}

impl Config {
    /// The broker's limits with what was set.
    pub fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        self.limit.iter().for_each(|setting| limits.set(setting));
        limits
    }

    /// The relay's limits with what was set.
    pub fn relay_limits(&self) -> klatch_relay::Limits {
        let mut limits = klatch_relay::Limits::default();
        self.limit.iter().for_each(|setting| limits.set(setting));
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn flags_and_help_agree() {
        Config::command().debug_assert();
    }

    #[test]
    fn each_flag_has_its_environment_variable() {
        for argument in Config::command().get_arguments() {
            let name = argument.get_long().expect("all flags are long");
            let variable = format!("KLATCH_{}", name.to_uppercase().replace('-', "_"));
            assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(&*variable), "{name}");
        }
    }

    #[test]
    fn defaults_are_those_that_are_promised() {
        let config = Config::parse_from(["klatch"]);
        assert_eq!(config.listen, ["127.0.0.1:8080".parse().expect("an address")]);
        assert_eq!((config.room_ttl.as_millis(), config.max_members, config.max_rooms), (1_800_000, 12, 10_000));
        let acme = Config::parse_from(["klatch", "--acme", "meet.example"]);
        assert_eq!(acme.listen, ["[::]:443".parse().expect("an address")]);
        let RelayFlags { turn, turn_listen, turn_ports, .. } = config.relay;
        assert_eq!((turn, turn_listen), (false, vec!["[::]:3478".parse().expect("an address")]));
        assert_eq!(turn_ports, "49152-65535".parse().expect("ports"));
    }

    #[test]
    fn a_repeatable_flag_repeats() {
        let config = Config::parse_from(["klatch", "--listen", "127.0.0.1:0", "--listen", "[::1]:0"]);
        assert_eq!(config.listen.len(), 2);
        let config = Config::parse_from(["klatch", "--limit", "connections=7", "--limit", "frame-burst=3"]);
        assert_eq!((config.limits().connections, config.limits().frame_burst), (7, 3));
        let config = Config::parse_from(["klatch", "--limit", "turn-channels=5,turn-connections=6,connections=7"]);
        assert_eq!((config.limits().connections, config.relay_limits().connections), (7, 6));
        assert_eq!(config.relay_limits().channels, 5);
        let config =
            Config::parse_from(["klatch", "--turn", "--turn-listen", "127.0.0.1:0", "--turn-listen", "[::1]:0"]);
        assert_eq!(config.relay.turn_listen.len(), 2);
    }

    #[test]
    fn flags_of_later_versions_are_unknown() {
        assert!(Config::try_parse_from(["klatch", "--knock=a"]).is_err());
    }
}
