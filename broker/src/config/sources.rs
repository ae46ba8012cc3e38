//! Where the program is told what to do: on the command line, in variables, in the file of `--config`, in this order of weight. All
//! three become flags, and clap has the last word on each.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, Command, CommandFactory as _, FromArgMatches as _};

use super::Config;
use super::file::{self, BadConfigFile, Fault, Setting};

/// What the variables of all flags begin with.
const PREFIX: &str = "KLATCH_";

/// Variables of the build and its tests, which may well be set where the program is tried out.
const OF_THE_BUILD: [&str; 10] = [
    "KLATCH_ARTIFACTS",
    "KLATCH_BIN",
    "KLATCH_BROTLI",
    "KLATCH_CACHE",
    "KLATCH_CLIENT",
    "KLATCH_DIST",
    "KLATCH_FILES",
    "KLATCH_OBSERVATORY",
    "KLATCH_SOAK_MINUTES",
    "KLATCH_WSTEST",
];

/// Where something was said to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By a flag.
    CommandLine,
    /// By a variable.
    Environment,
    /// In the file of `--config`.
    File,
}

/// Why the program does not know what to do.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// The flags are wrong; or they ask for a text, such as the version.
    #[error(transparent)]
    Flags(#[from] clap::Error),
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] BadConfigFile),
    /// Flags don't go with several lines of the file, each being right by itself.
    #[error("{1}")]
    Together(PathBuf, #[source] clap::Error),
}

impl Config {
    /// Reads flags, the environment, and the file if one is named. Whatever a flag or a variable says, the file does not say; of what
    /// is said by name, such as limits, that holds for each name. A variable that is set to nothing says nothing, as service managers
    /// and container tools that fill in templates set them so.
    ///
    /// # Errors
    /// [`BadConfig`] says what is wrong.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, BadConfig> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let command = Self::command().mut_args(deaf_to_nothing);
        let given = command.clone().ignore_errors(true).try_get_matches_from(&arguments)?;
        let place = |key: &str| match given.value_source(&key.replace('-', "_")) {
            Some(ValueSource::CommandLine) => Some(Place::CommandLine),
            Some(ValueSource::EnvVariable) => Some(Place::Environment),
            _ => None,
        };
        // Who comes later has the last word of a name: the file is before the variables, and those before the flags.
        let arguments = with(&named_by_variables(&command, |name| std::env::var_os(name)), &arguments);
        let is_by_name =
            |key: &str| command.get_arguments().any(|arg| arg.get_long() == Some(key) && file::takes_names(arg));
        let keys = command.get_arguments().filter_map(Arg::get_long);
        let said: Vec<_> = keys.filter_map(|key| Some((key.to_owned(), place(key)?))).collect();
        // A variable that is set to nothing is a flag's all the same.
        let doubts = doubts(std::env::vars_os().map(|(name, _)| name), &Self::command());
        let Some(path) = given.get_one::<PathBuf>("config") else {
            return Ok(Self { said, doubts, ..parsed(&command, &arguments)? });
        };
        let mut settings = file::read(path, &command)?;
        settings.retain(|setting| place(&setting.key).is_none() || is_by_name(&setting.key));
        let config = parsed(&command, with(&flags_of(&settings), &arguments))
            .map_err(|error| fault(path.clone(), &settings, &arguments, &command, error))?;
        let in_file = settings.into_iter().map(|setting| (setting.key, Place::File));
        Ok(Self { said: said.into_iter().chain(in_file).collect(), doubts, ..config })
    }
}

/// The same flag without its variable, if that is set to nothing.
fn deaf_to_nothing(arg: Arg) -> Arg {
    let is_nothing = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    if is_nothing { arg.env(None::<&'static str>) } else { arg }
}

fn parsed<T>(command: &Command, arguments: impl IntoIterator<Item = T>) -> Result<Config, clap::Error>
where
    T: Into<OsString> + Clone,
{
    let mut command = command.clone();
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Config::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// A command line that says this first.
fn with(first: &[OsString], arguments: &[OsString]) -> Vec<OsString> {
    let (program, flags) = arguments.split_at(arguments.len().min(1));
    [program, first, flags].concat()
}

fn flags_of<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> Vec<OsString> {
    settings.into_iter().flat_map(|setting| &setting.flags).map(OsString::from).collect()
}

/// What variables say by name, as flags: clap would leave a variable aside as soon as there is such a flag, whatever that names.
fn named_by_variables(command: &Command, variable: impl Fn(&OsStr) -> Option<OsString>) -> Vec<OsString> {
    let flag = |arg: &Arg| {
        let mut flag = OsString::from(format!("--{}=", arg.get_long()?));
        flag.push(variable(arg.get_env()?)?);
        Some(flag)
    };
    command.get_arguments().filter(|arg| file::takes_names(arg)).filter_map(flag).collect()
}

/// Whose fault it is: the command line's, if it would not do by itself, or the line's without which all would be well, or nobody's alone.
fn fault(
    path: PathBuf,
    settings: &[Setting],
    arguments: &[OsString],
    command: &Command,
    error: clap::Error,
) -> BadConfig {
    if let Err(error) = parsed(command, arguments) {
        return error.into();
    }
    let is_at_fault = |at: &usize| {
        let others = settings.iter().enumerate().filter(|(other, _)| other != at).map(|(_, other)| other);
        parsed(command, with(&flags_of(others), arguments)).is_ok()
    };
    match (0..settings.len()).find(is_at_fault).map(|at| &settings[at]) {
        Some(Setting { key, line, .. }) => {
            let fault = Fault::Company { key: key.clone(), reason: one_line(&error) };
            BadConfigFile::Line { path, line: *line, fault }.into()
        }
        None => BadConfig::Together(path, error),
    }
}

/// The reason alone, and which flag may have been meant, without what else clap says in the paragraphs below it.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let reason: Vec<_> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let reason = reason.join(" ").trim_start_matches("error: ").to_owned();
    match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(like)) => format!("{reason}; did you mean {like}?"),
        _ => reason,
    }
}

/// Of variables that look like ours and are no flag's: a typing error would go unnoticed otherwise. They are no mistake that ends the
/// program, as others set some of this name: Kubernetes sets KLATCH_SERVICE_HOST in all that run beside a service called klatch.
fn doubts(names: impl IntoIterator<Item = OsString>, command: &Command) -> Vec<String> {
    let is_known = |name: &OsStr| command.get_arguments().any(|arg| arg.get_env() == Some(name));
    let is_ours = |name: &OsString| {
        name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
            && !OF_THE_BUILD.iter().any(|of_the_build| name == of_the_build)
    };
    let doubt = |name: OsString| {
        let name = name.to_string_lossy().escape_debug().to_string();
        let key = name.trim_start_matches(PREFIX).to_lowercase().replace('_', "-");
        let like = file::resembling(&key, command).and_then(|like| variable(&like, command));
        match like {
            Some(like) => format!("the variable {name} says nothing to this program; did you mean {like}?"),
            None => format!("the variable {name} says nothing to this program: there is no such flag"),
        }
    };
    let mut doubts: Vec<_> = names.into_iter().filter(|name| is_ours(name) && !is_known(name)).map(doubt).collect();
    doubts.sort();
    doubts
}

/// Which variable says what this flag does.
fn variable(key: &str, command: &Command) -> Option<String> {
    let arg = command.get_arguments().find(|arg| arg.get_long() == Some(key))?;
    arg.get_env().map(|variable| variable.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubted(names: &[&str]) -> Vec<String> {
        doubts(names.iter().map(OsString::from), &Config::command())
    }

    #[test]
    fn a_limit_that_a_flag_does_not_name_is_as_the_variable_says() {
        let command = Config::command();
        let variable = |name: &OsStr| (name == "KLATCH_LIMIT").then(|| "connections=5,frame-burst=6".into());
        let arguments = ["klatch", "--limit", "connections=7"].map(OsString::from);
        let config = parsed(&command, with(&named_by_variables(&command, variable), &arguments)).expect("flags");
        let limits = config.limits();
        assert_eq!((limits.connections, limits.frame_burst), (7, 6));
        assert_eq!(named_by_variables(&command, |_| None), [""; 0]);
    }

    #[test]
    fn a_flag_that_is_none_is_told_with_the_one_that_resembles_it() {
        let said = |flag: &str| one_line(&parsed(&Config::command(), ["klatch", flag]).expect_err(flag));
        assert_eq!(said("--listn"), "unexpected argument '--listn' found; did you mean --listen?");
        assert_eq!(said("--zzz"), "unexpected argument '--zzz' found");
    }

    #[test]
    fn a_variable_that_no_flag_has_is_told_of() {
        assert_eq!(doubted(&["KLATCH_LISTEN", "PATH", "KLATCH_CACHE", "KLATCHER", "KLATCH_TURN"]), [""; 0]);
        assert_eq!(
            doubted(&["KLATCH_SERVICE_HOST", "KLATCH_MAX_MEMBER"]),
            [
                "the variable KLATCH_MAX_MEMBER says nothing to this program; did you mean KLATCH_MAX_MEMBERS?",
                "the variable KLATCH_SERVICE_HOST says nothing to this program: there is no such flag",
            ]
        );
    }
}
