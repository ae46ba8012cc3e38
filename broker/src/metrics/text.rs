//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

/// What is written so far.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// One metric, of which samples follow.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: String,
}

impl Text {
    /// Something that goes up and down.
    pub(super) fn gauge(&mut self, name: &str, meaning: &str) -> Family<'_> {
        self.family(name, meaning, "gauge")
    }

    /// Something that only grows.
    pub(super) fn counter(&mut self, name: &str, meaning: &str) -> Family<'_> {
        self.family(name, meaning, "counter")
    }

    /// How something is distributed.
    pub(super) fn histogram(&mut self, name: &str, meaning: &str) -> Family<'_> {
        self.family(name, meaning, "histogram")
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn family(&mut self, name: &str, meaning: &str, kind: &str) -> Family<'_> {
        line(&mut self.0, format_args!("# HELP {name} {meaning}"));
        line(&mut self.0, format_args!("# TYPE {name} {kind}"));
        Family { text: &mut self.0, name: name.to_owned() }
    }
}

impl Family<'_> {
    pub(super) fn value(self, value: impl Display) {
        line(self.text, format_args!("{} {value}", self.name));
    }

    /// Labels are ours: nothing in them has to be escaped.
    pub(super) fn labelled(self, labels: &[(&str, &str)], value: u64) -> Self {
        let labels: Vec<_> = labels.iter().map(|(name, label)| format!("{name}=\"{label}\"")).collect();
        line(self.text, format_args!("{}{{{}}} {value}", self.name, labels.join(",")));
        self
    }

    /// What lies between bounds, in microseconds, and beyond the last.
    pub(super) fn buckets(self, (name, label): (&str, &str), bounds: &[u64], counts: &[u64], micros: u64) -> Self {
        let bounds = bounds.iter().map(|bound| seconds(*bound)).chain(["+Inf".to_owned()]);
        let mut all = 0;
        for (bound, count) in bounds.zip(counts) {
            all += count;
            line(self.text, format_args!("{}_bucket{{{name}=\"{label}\",le=\"{bound}\"}} {all}", self.name));
        }
        line(self.text, format_args!("{}_sum{{{name}=\"{label}\"}} {}", self.name, seconds(micros)));
        line(self.text, format_args!("{}_count{{{name}=\"{label}\"}} {all}", self.name));
        self
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a text takes what is written");
}

/// Microseconds as seconds, without an exponent.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
