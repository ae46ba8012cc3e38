//! What is logged, and how.

use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// A text that does not say what is to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a filter is error, warn, info, debug, trace or off, or such a level for each target, as in info,klatch_broker=debug"
)]
pub struct BadFilter;

/// Stricter than [`Targets`], for which a misspelt level is the name of a target.
pub(super) fn filter(text: &str) -> Result<Targets, BadFilter> {
    let is_target = |target: &str| {
        !target.is_empty() && target.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':'))
    };
    let is_fine = text.split(',').map(str::trim).all(|part| {
        let level = part.split_once('=').map_or(Some(part), |(target, level)| is_target(target).then_some(level));
        level.is_some_and(|level| !level.is_empty() && level.parse::<LevelFilter>().is_ok())
    });
    if !is_fine {
        return Err(BadFilter);
    }
    let targets: Targets = text.parse().map_err(|_| BadFilter)?;
    // They warn of what strangers send: a line for each datagram, written by the thread that relays. Who names them wants them.
    let unnamed = CODECS.into_iter().filter(|codec| !text.contains(codec));
    Ok(targets.with_targets(unnamed.map(|codec| (codec, LevelFilter::OFF))))
}

/// Whose words are not logged unless they are asked for.
const CODECS: [&str; 2] = ["stun_types", "turn_types"];

/// How it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_write_nothing_to_the_log_by_what_they_send_to_the_relay() {
        use tracing::Level;
        for text in ["info", "debug", "klatch_relay=debug,info"] {
            let filter = filter(text).expect("a filter");
            assert!(CODECS.iter().all(|codec| !filter.would_enable(codec, &Level::WARN)), "{text}");
            assert!(!filter.would_enable("stun_types::message", &Level::ERROR), "{text}");
            assert!(filter.would_enable("klatch_broker", &Level::INFO), "{text}");
        }
        let asked_for = filter("info,stun_types=warn").expect("a filter");
        assert!(asked_for.would_enable("stun_types::message", &Level::WARN));
    }

    #[test]
    fn a_filter_is_made_of_levels() {
        for good in ["info", "WARN", "off", "info,klatch_broker=debug", "klatch_broker::socket=trace, error"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in
            ["", "nonsense", "[", "infos", "info,", "=info", "klatch_broker=", "klatch_broker=loud", "a=b=c", "info;x"]
        {
            assert_eq!(filter(bad), Err(BadFilter), "{bad}");
        }
    }
}
