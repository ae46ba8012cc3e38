//! Who is in the room, in the broker's order of seats, and what to call them.
//!
//! Equal names get a number: the later seat is `Ana (2)`. Names are equal when all their characters are that can be seen (they are in
//! NFC); `ana` and `Ana` can be told apart by eye and are left alone. Who really calls themselves `Ana (2)` and comes later than the
//! second Ana is `Ana (2) (2)`: no two labels are ever the same, and an earlier seat's does not change as others come. A name that ends as
//! the page's own labels do ([`OWN_ENDINGS`]), or is one of them ([`OWN_NAMES`]), is numbered like the second of its kind.

use klatch_shared::{MemberId, Username, look_alike};

/// The members to be shown, ourselves among them.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    /// In the order of seats; ids decide where a broker gave two the same.
    seats: Vec<(Place, Username)>,
}

type Place = (u32, MemberId);

/// How the page labels our own tile, a member's screen, and whom others tell of.
const OWN_ENDINGS: [&str; 3] = [" (you)", "’s screen", ", left)"];
/// What it calls ourselves, and our screen.
const OWN_NAMES: [&str; 2] = ["You", "Your screen"];

impl Roster {
    /// Takes a member in, or changes their seat or name.
    pub fn insert(&mut self, member: MemberId, ordinal: u32, name: Username) {
        self.seats.retain(|((_, known), _)| *known != member);
        let at = self.seats.iter().position(|(place, _)| *place > (ordinal, member)).unwrap_or(self.seats.len());
        self.seats.insert(at, ((ordinal, member), name));
    }

    /// What to call a member.
    pub fn label(&self, member: MemberId) -> Option<String> {
        let mut taken: Vec<String> = Vec::new();
        for ((_, seated), name) in &self.seats {
            let (mut label, mut number) = (name.as_str().to_owned(), 1);
            while OWN_NAMES.into_iter().chain(taken.iter().map(String::as_str)).any(|taken| look_alike(taken, &label))
                || OWN_ENDINGS.iter().any(|end| label.ends_with(end))
            {
                number += 1;
                label = name.as_str().to_owned() + " (" + &number.to_string() + ")";
            }
            if *seated == member {
                return Some(label);
            }
            taken.push(label);
        }
        None
    }
}

/// A label as it stands in a sentence of the page's: one that is written from right to left is isolated (UAX #9 §2.4.2), or it would
/// turn the words around it.
pub fn in_sentence(label: &str) -> String {
    let is_rtl = |c| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    if label.contains(is_rtl) { "\u{2068}".to_owned() + label + "\u{2069}" } else { label.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(n: u8) -> MemberId {
        MemberId::from_random_bytes([n; 16])
    }

    fn roster(names: &[(u32, &str)]) -> Roster {
        let mut roster = Roster::default();
        for (n, (ordinal, name)) in (0..).zip(names) {
            roster.insert(member(n), *ordinal, name.parse().expect("a name"));
        }
        roster
    }

    fn labels(roster: &Roster) -> Vec<String> {
        roster.seats.iter().filter_map(|((_, member), _)| roster.label(*member)).collect()
    }

    #[test]
    fn the_later_seat_of_an_equal_name_is_numbered_whatever_the_order_of_arrival() {
        let roster = roster(&[(7, "Ana"), (2, "Ana"), (5, "Bo"), (9, "ana"), (8, "Ana")]);
        assert_eq!(labels(&roster), ["Ana", "Bo", "Ana (2)", "Ana (3)", "ana"]);
    }

    #[test]
    fn a_number_that_somebody_has_for_a_name_is_not_given_twice() {
        assert_eq!(labels(&roster(&[(1, "Ana (2)"), (2, "Ana"), (3, "Ana")])), ["Ana (2)", "Ana", "Ana (3)"]);
        assert_eq!(labels(&roster(&[(1, "Ana"), (2, "Ana"), (3, "Ana (2)")])), ["Ana", "Ana (2)", "Ana (2) (2)"]);
    }

    #[test]
    fn a_new_name_takes_the_place_of_the_old_one() {
        let mut roster = roster(&[(1, "Ana"), (2, "Ana")]);
        roster.insert(member(0), 1, "Zoe".parse().expect("a name"));
        assert_eq!(labels(&roster), ["Zoe", "Ana"]);
        assert_eq!(roster.label(member(9)), None);
    }

    #[test]
    fn nobody_is_called_what_the_page_calls_ourselves_a_screen_or_who_left() {
        let told = "Ana (told by Bo, left)";
        let roster = roster(&[(1, "Ana"), (2, "Ana (you)"), (3, "Ana’s screen"), (4, "Ana (you)"), (5, told)]);
        let told = told.to_owned() + " (2)";
        assert_eq!(labels(&roster), ["Ana", "Ana (you) (2)", "Ana’s screen (2)", "Ana (you) (3)", &told]);
    }

    #[test]
    fn a_name_turns_no_sentence_around() {
        assert_eq!(in_sentence("דנה"), "\u{2068}דנה\u{2069}");
        assert_eq!(in_sentence("Ana (2)"), "Ana (2)");
        assert_eq!(in_sentence("Çelik 🦀"), "Çelik 🦀");
    }

    #[test]
    fn nobody_is_called_you() {
        let roster = roster(&[(1, "You"), (2, "Your screen"), (3, "Y\u{34f}ou"), (4, "Youri")]);
        assert_eq!(labels(&roster), ["You (2)", "Your screen (2)", "Y\u{34f}ou (3)", "Youri"]);
    }

    #[test]
    fn what_cannot_be_seen_makes_no_other_name() {
        for hidden in ['\u{e0041}', '\u{fe0f}', '\u{34f}', '\u{3164}', '\u{2800}', '\u{17b4}', '\u{a0}'] {
            let roster = roster(&[(1, "Ana Lu"), (2, &format!("Ana{hidden} Lu")), (3, &format!("Ana Lu{hidden}x"))]);
            let labels = labels(&roster);
            assert!(labels[1].ends_with(" (2)") && !labels[2].ends_with(')'), "{hidden:?}: {labels:?}");
        }
    }

    proptest! {
        #[test]
        fn no_two_labels_are_equal_and_earlier_ones_stay(
            names in proptest::collection::vec(("Ana|Bo|Ana \\([23]\\)|Ana \\(2\\) \\(2\\)", 0u32..6), 1..10)
        ) {
            let names: Vec<(u32, &str)> = names.iter().map(|(name, ordinal)| (*ordinal, name.as_str())).collect();
            let mut roster = roster(&names);
            let before = labels(&roster);
            let different = before.iter().collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(different.len(), names.len());
            roster.insert(member(200), 99, "Ana".parse().expect("a name"));
            prop_assert_eq!(&labels(&roster)[..before.len()], &before[..]);
        }
    }
}
