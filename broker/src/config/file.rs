//! The configuration file: TOML, with the flags' names as keys. What stands there becomes flags, so that each flag is defined once, and a
//! wrong value is told by the flag's own sentence.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::small_file;

/// What the program is told to do now, rather than what it is: nobody wants that in a file.
const COMMAND_LINE_ALONE: [&str; 4] = ["config", "check", "completions", "print-client-hash"];

/// What one key says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) key: String,
    /// Where it says so, from 1.
    pub(super) line: usize,
    /// The same on the command line: several only where the flag is repeatable.
    pub(super) flags: Vec<String>,
}

/// Why a configuration file says nothing.
#[derive(Debug, thiserror::Error)]
pub enum BadConfigFile {
    /// It can't be read.
    #[error("can't read the configuration file {path}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}, line {line}: {fault}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What.
        fault: Fault,
    },
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no TOML.
    Syntax(String),
    /// No flag has this name.
    UnknownKey {
        /// The name.
        key: String,
        /// What may have been meant.
        like: Option<String>,
    },
    /// A flag that is for the command line alone.
    NotInFiles(String),
    /// A value that the flag does not take.
    Value {
        /// The flag's name.
        key: String,
        /// What it takes.
        expected: String,
    },
    /// A flag that does not go with the others, or without one that is missing.
    Company {
        /// The flag's name.
        key: String,
        /// What it lacks, or can't be beside.
        reason: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(reason) => write!(f, "this is no TOML: {reason}"),
            Self::UnknownKey { key, like: None } => write!(f, "unknown key `{key}`"),
            Self::UnknownKey { key, like: Some(like) } => write!(f, "unknown key `{key}`; did you mean `{like}`?"),
            Self::NotInFiles(key) => write!(f, "`{key}` is for the command line, not for a file"),
            Self::Value { key, expected } => write!(f, "wrong value for `{key}`: {expected}"),
            Self::Company { key, reason } => write!(f, "`{key}` can't stand so: {reason}"),
        }
    }
}

/// Reads a file for a program with these flags.
pub(super) fn read(path: &Path, command: &Command) -> Result<Vec<Setting>, BadConfigFile> {
    let text = small_file::read_text(path).map_err(|source| BadConfigFile::Unreadable { path: path.into(), source })?;
    parse(&text, command).map_err(|(at, fault)| BadConfigFile::Line { path: path.into(), line: line(&text, at), fault })
}

/// A fault, and the byte where it is.
type Located = (usize, Fault);

fn parse(text: &str, command: &Command) -> Result<Vec<Setting>, Located> {
    let table = DeTable::parse(text).map_err(|error| {
        let reason = error.message().lines().collect::<Vec<_>>().join(" ");
        (error.span().map_or(0, |span| span.start), Fault::Syntax(reason))
    })?;
    let mut settings = Vec::new();
    // In the order of lines, so that it is the first fault that is told.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let (at, key) = (key.span().start, key.get_ref().as_ref());
        if COMMAND_LINE_ALONE.contains(&key) {
            return Err((at, Fault::NotInFiles(key.to_owned())));
        }
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(key));
        let arg = arg.ok_or_else(|| (at, Fault::UnknownKey { key: key.to_owned(), like: resembling(key, command) }))?;
        settings.push(Setting { key: key.to_owned(), line: line(text, at), flags: flags(key, value, arg)? });
    }
    Ok(settings)
}

/// What one key's value is on the command line.
fn flags(key: &str, value: &Spanned<DeValue<'_>>, arg: &Arg) -> Result<Vec<String>, Located> {
    let fault = |at: usize, expected: &str| (at, Fault::Value { key: key.to_owned(), expected: expected.to_owned() });
    let at = value.span().start;
    let is_repeatable = matches!(arg.get_action(), ArgAction::Append);
    let texts = match value.get_ref() {
        DeValue::Boolean(is_on) if is_switch(arg) => {
            return Ok(is_on.then(|| format!("--{key}")).into_iter().collect());
        }
        _ if is_switch(arg) => return Err(fault(at, "it is true or false, without quotes")),
        DeValue::Array(list) if is_repeatable => {
            let element = |value: &Spanned<DeValue<'_>>| {
                let at = value.span().start;
                scalar(value.get_ref())
                    .map(|text| (at, text))
                    .ok_or_else(|| fault(at, "in a list are texts or numbers"))
            };
            list.iter().map(element).collect::<Result<Vec<_>, _>>()?
        }
        DeValue::Table(table) if is_repeatable && takes_names(arg) => {
            let element = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                let (at, name): (_, &std::borrow::Cow<'_, str>) = (name.span().start, name.get_ref());
                let text = scalar(value.get_ref()).ok_or_else(|| fault(at, "a limit is a number"))?;
                Ok((at, format!("{name}={text}")))
            };
            table.iter().map(element).collect::<Result<Vec<_>, _>>()?
        }
        value => match scalar(value) {
            Some(text) => vec![(at, text)],
            None if is_repeatable && takes_names(arg) => return Err(fault(at, "it is a table, or a list of texts")),
            None if is_repeatable => return Err(fault(at, "it is a text, or a list of texts")),
            None => return Err(fault(at, "it is one text or one number")),
        },
    };
    for (at, text) in &texts {
        check(arg, text).map_err(|expected| fault(*at, &expected))?;
    }
    Ok(texts.iter().map(|(_, text)| flag(key, text)).collect())
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// Whether its values are `NAME=VALUE`, which in a file is a table.
pub(super) fn takes_names(arg: &Arg) -> bool {
    arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.contains('=')))
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string())
        }
        DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// Whether the flag takes this value; if not, what it expects. Of the flag only how it reads is asked: what it needs beside it may be
/// said elsewhere.
fn check(arg: &Arg, value: &str) -> Result<(), String> {
    let reader = arg.get_value_parser().clone();
    let alone = Arg::new("value").long("value").action(arg.get_action().clone()).value_parser(reader);
    let alone = match arg.get_value_delimiter() {
        Some(delimiter) => alone.value_delimiter(delimiter),
        None => alone,
    };
    let parsed = Command::new("klatch").no_binary_name(true).arg(alone).try_get_matches_from([flag("value", value)]);
    parsed.map(drop).map_err(|error| expectation(&error, value))
}

fn expectation(error: &clap::Error, value: &str) -> String {
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(valid))) if !valid.is_empty() => format!("it is one of {}", valid.join(", ")),
        (None, _) => format!("it can't be `{value}`"),
    }
}

/// The flag that clap takes an unknown one for.
pub(super) fn resembling(key: &str, command: &Command) -> Option<String> {
    let error = command.clone().no_binary_name(true).try_get_matches_from([format!("--{key}")]).err()?;
    let Some(ContextValue::String(like)) = error.get(ContextKind::SuggestedArg) else { return None };
    Some(like.trim_start_matches('-').to_owned())
}

fn flag(key: &str, value: &str) -> String {
    format!("--{key}={value}")
}

/// The line of a byte, from 1.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
