//! Limits that can be set by their names: how a table of them is declared, and how `NAME=VALUE` is read.

use std::fmt::Write as _;

/// Columns of a name with its default in `--help`.
const NAME_COLUMNS: usize = 44;

/// One limit, as `--help` tells of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is set by.
    pub name: &'static str,
    /// What it is unless it is set.
    pub default: u32,
    /// What it can be set to at least.
    pub least: u32,
    /// What it bounds.
    pub meaning: &'static str,
}

/// Declares a struct of limits, a field each with its documentation, its name, its default and its least value:
///
/// ```
/// klatch_relay::limits! {
///     /// What a house bounds.
///     pub struct Limits {
///         /// Guests at once.
///         guests "guests" = 12, 1;
///     }
/// }
/// let mut limits = Limits::default();
/// limits.set(&klatch_relay::LimitSetting::parse("guests=3", [Limits::TABLE]).unwrap());
/// assert_eq!(limits.guests, 3);
/// ```
#[macro_export]
macro_rules! limits {
    (
        $(#[$attribute:meta])* pub struct $struct:ident {
            $($(#[doc = $doc:literal])+ $field:ident $name:literal = $default:literal, $least:literal;)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $struct {
            $($(#[doc = $doc])+ pub $field: u32,)+
        }

        impl Default for $struct {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $struct {
            /// All of them, in the order in which they are told.
            pub const TABLE: &'static [$crate::Limit] = &[$($crate::Limit {
                name: $name,
                default: $default,
                least: $least,
                meaning: concat!($($doc),+),
            },)+];

            /// Changes the one that `setting` names, if it is one of these.
            pub fn set(&mut self, setting: &$crate::LimitSetting) {
                match setting.name() {
                    $($name => self.$field = setting.value(),)+
                    _ => {}
                }
            }
        }
    };
}

/// `NAME=VALUE`: one limit and what to set it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSetting {
    limit: &'static Limit,
    value: u32,
}

/// A text that sets no limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    /// No `=` in it.
    #[error("a limit is set as NAME=VALUE")]
    Shape,
    /// No such limit.
    #[error("there is no limit {0}; --help lists them")]
    Name(String),
    /// Not a number, or too small.
    #[error("{0} must be a whole number from {1} to {max}", max = u32::MAX)]
    Value(&'static str, u32),
}

impl LimitSetting {
    /// Reads the setting of a limit that stands in one of these tables.
    ///
    /// # Errors
    /// [`BadLimit`] says what is wrong with it.
    pub fn parse(text: &str, tables: impl IntoIterator<Item = &'static [Limit]>) -> Result<Self, BadLimit> {
        let (wanted, value) = text.split_once('=').ok_or(BadLimit::Shape)?;
        let limit = tables.into_iter().flatten().find(|limit| limit.name == wanted);
        let limit = limit.ok_or_else(|| BadLimit::Name(wanted.into()))?;
        match value.parse() {
            Ok(value) if value >= limit.least => Ok(Self { limit, value }),
            _ => Err(BadLimit::Value(limit.name, limit.least)),
        }
    }

    /// Which limit.
    pub fn name(&self) -> &'static str {
        self.limit.name
    }

    /// What to set it to.
    pub fn value(&self) -> u32 {
        self.value
    }

    /// Names, defaults and meanings, a line each, for `--help`.
    pub fn help(tables: impl IntoIterator<Item = &'static [Limit]>) -> String {
        tables.into_iter().flatten().fold(String::new(), |mut text, limit| {
            let setting = format!("{}={}", limit.name, limit.default);
            let _ = writeln!(text, "  {setting:<NAME_COLUMNS$}{}", limit.meaning.trim());
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    limits! {
        /// What a house bounds.
        pub struct House {
            /// Guests at once,
            /// children included.
            guests "guests" = 12, 1;
            /// Chairs.
            chairs "chairs" = 0, 0;
        }
    }

    #[test]
    fn a_limit_is_set_by_its_name_and_the_others_stay() {
        let mut house = House::default();
        house.set(&LimitSetting::parse("guests=3", [House::TABLE]).unwrap());
        assert_eq!(house, House { guests: 3, chairs: 0 });
        house.set(&LimitSetting::parse("chairs=4294967295", [House::TABLE]).unwrap());
        assert_eq!(house, House { guests: 3, chairs: u32::MAX });
    }

    #[test]
    fn what_sets_no_limit_says_why() {
        let reason = |text: &str| LimitSetting::parse(text, [House::TABLE]).expect_err(text).to_string();
        assert_eq!(reason("guests"), "a limit is set as NAME=VALUE");
        assert_eq!(reason("fun=3"), "there is no limit fun; --help lists them");
        for value in ["0", "-1", "", "3.5", "4294967296"] {
            assert_eq!(reason(&format!("guests={value}")), "guests must be a whole number from 1 to 4294967295");
        }
    }

    #[test]
    fn help_has_a_line_for_each() {
        let help = LimitSetting::help([House::TABLE]);
        let lines: Vec<_> = help.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines, ["guests=12 Guests at once, children included.", "chairs=0 Chairs."]);
    }
}
