//! Who is in the room, in the broker's order of seats, and what to call them.
//!
//! Equal names get a number: the later seat is `Ana (2)`. Names are equal when all their characters are (they are in NFC);
//! `ana` and `Ana` can be told apart by eye and are left alone. Who really calls themselves `Ana (2)` and comes later than the
//! second Ana is `Ana (2) (2)`: no two labels are ever the same, and an earlier seat's does not change as others come. A name that ends as
//! the page's own labels do ([`OWN_ENDINGS`]) is numbered like the second of its kind.

use std::collections::{BTreeMap, BTreeSet};

use klatch_shared::{MemberId, Username};

/// The members to be shown, ourselves among them.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    seats: BTreeMap<Place, Username>,
    labels: BTreeMap<MemberId, String>,
}

/// How the page labels our own tile, and a member's screen.
const OWN_ENDINGS: [&str; 2] = [" (you)", "’s screen"];

/// In the order of seats; ids decide where a broker gave two the same.
type Place = (u32, MemberId);

impl Roster {
    /// Takes a member in, or changes their seat or name.
    pub fn insert(&mut self, member: MemberId, ordinal: u32, name: Username) {
        self.seats.retain(|(_, known), _| *known != member);
        self.seats.insert((ordinal, member), name);
        self.label_all();
    }

    /// What to call a member.
    pub fn label(&self, member: MemberId) -> Option<&str> {
        self.labels.get(&member).map(String::as_str)
    }

    fn label_all(&mut self) {
        let mut taken = BTreeSet::new();
        self.labels = self
            .seats
            .iter()
            .map(|((_, member), name)| {
                let numbered = (2u32..).map(|n| format!("{name} ({n})"));
                let mut wanted = std::iter::once(name.to_string()).chain(numbered);
                let label = wanted
                    .find(|label| !taken.contains(label) && !OWN_ENDINGS.iter().any(|end| label.ends_with(end)))
                    .expect("numbers do not run out");
                taken.insert(label.clone());
                (*member, label)
            })
            .collect();
    }
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

    fn labels(roster: &Roster) -> Vec<&str> {
        roster.seats.keys().filter_map(|(_, member)| roster.label(*member)).collect()
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
    fn nobody_is_called_what_the_page_calls_ourselves_or_a_screen() {
        let roster = roster(&[(1, "Ana"), (2, "Ana (you)"), (3, "Ana’s screen"), (4, "Ana (you)")]);
        assert_eq!(labels(&roster), ["Ana", "Ana (you) (2)", "Ana’s screen (2)", "Ana (you) (3)"]);
    }

    proptest! {
        #[test]
        fn no_two_labels_are_equal_and_earlier_ones_stay(
            names in proptest::collection::vec(("Ana|Bo|Ana \\([23]\\)|Ana \\(2\\) \\(2\\)", 0u32..6), 1..10)
        ) {
            let names: Vec<(u32, &str)> = names.iter().map(|(name, ordinal)| (*ordinal, name.as_str())).collect();
            let mut roster = roster(&names);
            let before: Vec<String> = labels(&roster).into_iter().map(str::to_owned).collect();
            prop_assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), names.len());
            roster.insert(member(200), 99, "Ana".parse().expect("a name"));
            prop_assert_eq!(&labels(&roster)[..before.len()], before);
        }
    }
}
