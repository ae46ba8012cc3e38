//! Lengths of time.

use std::str::FromStr;
use std::time::Duration;

/// A length of time as people write it: `90s`, `30m`, `2h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    /// In milliseconds.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).expect("a span is a few years at most")
    }
}

/// A text that is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number and s, m, h or d, as in 90s, 30m or 2h, and ten years at most")]
pub struct BadSpan;

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Self, BadSpan> {
        const LONGEST: u64 = 10 * 366 * 86_400;
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match &text[digits.len()..] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            _ => return Err(BadSpan),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadSpan);
        }
        let seconds = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
        let seconds = seconds.filter(|seconds| *seconds <= LONGEST).ok_or(BadSpan)?;
        Ok(Self(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        let millis = |text: &str| text.parse::<Span>().map(Span::as_millis);
        assert_eq!(millis("90s"), Ok(90_000));
        assert_eq!(millis("30m"), Ok(1_800_000));
        assert_eq!(millis("2h"), Ok(7_200_000));
        for bad in ["", "5", "s", "-1s", "1.5h", "1 h", "1hh", "1h30m", "9999999999999999999h", "11y", "é", "1é", "+5s"]
        {
            assert_eq!(millis(bad), Err(BadSpan), "{bad}");
        }
    }
}
