//! One bench's figures, as they are printed.

use std::fmt;

/// A round may be so many times as bad as all of them may be together.
const FAR: f64 = 2.0;

/// Rows of figures under one title.
pub struct Table {
    title: String,
    rows: Vec<[String; 6]>,
}

/// What a row is to reach.
#[derive(Clone, Copy)]
pub enum Target {
    /// Nothing: it is told, not judged.
    None,
    /// At most so many times the floor.
    Ratio(f64),
    /// At most so much above the floor.
    Above(f64),
    /// At most so much, whatever the floor does.
    Most(f64),
}

impl Table {
    /// An empty one.
    pub fn new(title: impl Into<String>) -> Self {
        Self::beside(title, "klatch", "floor")
    }

    /// An empty one that puts something else beside something.
    pub fn beside(title: impl Into<String>, measured: &str, floor: &str) -> Self {
        let header = ["", measured, floor, "ratio (worst)", "target", ""].map(str::to_owned);
        Self { title: title.into(), rows: vec![header] }
    }

    /// Figures of the same thing, round by round, with so many digits behind the point.
    pub fn compare(&mut self, what: &str, digits: usize, klatch: &[f64], floor: &[f64], target: Target) {
        let (ours, theirs) = (median(klatch), median(floor));
        let ratios: Vec<f64> = klatch.iter().zip(floor).map(|(ours, theirs)| ours / theirs).collect();
        let ratio = median(&ratios);
        let worst = ratios.iter().copied().fold(ratio, f64::max);
        let missed = match target {
            Target::None => false,
            // One round in which a machine did something else is no miss, unless it is far beyond that.
            Target::Ratio(most) => ratio > most || worst > most * FAR,
            Target::Above(most) => ours - theirs > most,
            Target::Most(most) => ours > most,
        };
        let ratio = if ratios.len() > 1 { format!("{ratio:.2} ({worst:.2})") } else { format!("{ratio:.2}") };
        self.push(what, [format!("{ours:.digits$}"), format!("{theirs:.digits$}"), ratio], target, missed);
    }

    /// A figure that has no floor.
    pub fn tell(&mut self, what: &str, digits: usize, figure: f64, target: Target) {
        let missed = matches!(target, Target::Most(most) if figure > most);
        self.push(what, [format!("{figure:.digits$}"), String::new(), String::new()], target, missed);
    }

    fn push(&mut self, what: &str, [klatch, floor, ratio]: [String; 3], target: Target, missed: bool) {
        self.rows.push([what.to_owned(), klatch, floor, ratio, target.to_string(), verdict(missed).to_owned()]);
    }

    /// Whether a row misses its target.
    pub fn missed(&self) -> bool {
        self.rows.iter().any(|row| row[5] == verdict(true))
    }
}

/// What stands at the end of a row.
pub fn verdict(missed: bool) -> &'static str {
    if missed { "MISSED" } else { "" }
}

/// Rows with their columns below each other: the `left` ones begin, the others end at one place.
pub fn aligned<const N: usize>(rows: &[[String; N]], left: &[usize]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (text, width))| {
            if left.contains(&column) { format!("  {text:<width$}") } else { format!("  {text:>width$}") }
        });
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Ratio(most) => write!(f, "ratio ≤ {most}"),
            Self::Above(most) => write!(f, "≤ floor + {most}"),
            Self::Most(most) => write!(f, "≤ {most}"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        f.write_str(&aligned(&self.rows, &[0, 4, 5]))
    }
}

/// The middle one, or the mean of the two in the middle.
pub fn median(figures: &[f64]) -> f64 {
    quantile(figures, 0.5)
}

/// The figure below which this part of them lies, between the two nearest.
pub fn quantile(figures: &[f64], part: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = part * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert_eq!(quantile(&[0.0, 10.0], 0.99), 9.9);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_row_that_misses_its_target_is_marked() {
        let mut table = Table::new("sizes");
        table.tell("small", 0, 1.0, Target::Most(2.0));
        assert!(!table.to_string().contains("MISSED"));
        table.compare("slow", 1, &[3.0, 9.0, 3.0], &[2.0, 2.0, 2.0], Target::Ratio(1.4));
        assert!(table.to_string().lines().last().is_some_and(|line| line.contains("1.50") && line.ends_with("MISSED")));
        let mut table = Table::new("rounds");
        table.compare("one that is odd", 1, &[2.0, 5.0, 2.0], &[2.0; 3], Target::Ratio(1.4));
        assert!(!table.missed());
        table.compare("one that is far too slow", 1, &[2.0, 9.0, 2.0], &[2.0; 3], Target::Ratio(1.4));
        assert!(table.missed());
    }
}
