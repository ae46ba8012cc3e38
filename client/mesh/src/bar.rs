//! Whom we don't meet: newcomers to a room that was locked when a broker without a memory was told of it.
//!
//! Such a broker believes whoever has the link, of the room's lock as well as of its seats. So a page that remembers the room as locked
//! puts a bar up when it comes to a revival of it, and meets only those whose seats it knew, until the room's creator says in person
//! that it is open. A seat is known by its latch, which nobody else's token shows.

use klatch_shared::Latch;
use klatch_shared::json::ToJson as _;
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::wire::SeatOf;

/// The bar of one room.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    locked: bool,
    /// Whose seats were known before the page was loaded: their latches as they are written, one after the other.
    remembered: String,
    /// The revival that we were in from its beginning, or before it was locked: what the broker says of the lock holds.
    trusted: Option<u32>,
    /// The one against which the bar is up.
    against: Option<u32>,
    /// Of whom it was said that they are not met.
    told_of: String,
}

impl Bar {
    /// Down, with what is remembered of a room that was locked; one that was not has no bar to put up.
    pub fn new(memory: Option<String>, trusted: Option<u32>) -> Self {
        Self { locked: memory.is_some(), remembered: memory.unwrap_or_default(), trusted, ..Self::default() }
    }

    /// What is to be kept while the page is loaded again: of a room that is locked, the seats that are known by now; and the revival.
    pub fn memory(&self, known: &[SeatOf]) -> (Option<String>, Option<u32>) {
        let mut all = self.remembered.clone();
        for seat in known {
            note(&mut all, seat.latch);
        }
        (self.locked.then_some(all), self.trusted)
    }

    /// A broker let us in, to a room that was revived there or not. Whether it forgot since it, or one before it, did so last.
    pub fn come(&mut self, revival: Option<u32>) -> bool {
        let is_new = revival.is_some() && revival != self.against.or(self.trusted);
        if is_new && self.locked {
            self.against = revival;
        } else if self.against.is_none() {
            self.trusted = revival;
        }
        is_new
    }

    /// The broker says whether the room is locked; whether it is, to us.
    pub fn hear(&mut self, locked: bool) -> bool {
        if self.against.is_none() {
            self.set(locked);
        }
        self.locked
    }

    /// The creator says that the room is open. Whether somebody may have been turned away until now.
    pub fn lift(&mut self) -> bool {
        let against = self.against.take();
        if against.is_some() {
            self.trusted = against;
            self.set(false);
        }
        against.is_some()
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        self.against.is_some()
    }

    /// Whether whoever has this seat is to be met, whom we know by it already or don't.
    pub fn admits(&self, seat: Latch, is_known: bool) -> bool {
        !self.is_up() || is_known || has(&self.remembered, &seat.to_json())
    }

    /// Somebody is turned away. Whether that is to be told: once of each, and not of ever more.
    pub fn turns_away(&mut self, seat: Latch) -> bool {
        note(&mut self.told_of, seat)
    }

    fn set(&mut self, locked: bool) {
        self.locked = locked;
        if !locked {
            self.remembered.clear();
            self.told_of.clear();
        }
    }
}

/// Puts a latch on a list of them. Whether it was not there; a list that is too long takes none.
fn note(list: &mut String, latch: Latch) -> bool {
    const MOST: usize = 2 * MAX_SEATS;
    let text = latch.to_json();
    let is_new = list.len() < MOST * text.len() && !has(list, &text);
    if is_new {
        *list += &text;
    }
    is_new
}

fn has(list: &str, latch: &str) -> bool {
    list.as_bytes().chunks(latch.len()).any(|known| known == latch.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use klatch_shared::{MemberId, SeatToken};

    fn seat() -> Latch {
        SeatToken::random().hash().latch()
    }

    fn of(latch: Latch) -> SeatOf {
        SeatOf { member: MemberId::random(), ordinal: 0, latch }
    }

    fn reloaded(bar: &Bar, known: &[SeatOf]) -> Bar {
        let (seats, revival) = bar.memory(known);
        Bar::new(seats, revival)
    }

    /// In a room that its creator locked, of a broker that has not forgotten it.
    fn in_a_locked_room() -> Bar {
        let mut bar = Bar::default();
        assert!(!bar.come(None));
        assert!(!bar.hear(false));
        assert!(bar.hear(true));
        bar
    }

    #[test]
    fn in_a_room_that_was_open_or_is_not_revived_everybody_is_met() {
        assert!(in_a_locked_room().admits(seat(), false));
        let mut open = Bar::default();
        open.come(None);
        open.hear(false);
        assert!(open.come(Some(1)), "the broker forgot");
        assert!(open.hear(true), "others remember it as locked");
        assert!(open.admits(seat(), false));
    }

    #[test]
    fn whoever_comes_to_a_locked_room_by_a_revival_is_met_only_if_known() {
        let mut bar = in_a_locked_room();
        assert!(bar.come(Some(1)));
        // Whatever the broker was told.
        assert!(bar.hear(false) && bar.hear(true) && bar.hear(false));
        assert!(!bar.admits(seat(), false));
        assert!(bar.admits(seat(), true));
    }

    #[test]
    fn the_bar_outlives_lost_sockets_reloads_and_more_restarts() {
        let known = seat();
        let mut bar = in_a_locked_room();
        bar.come(Some(1));
        assert!(!bar.come(Some(1)), "the same broker");
        assert!(bar.is_up());
        for revival in [1, 2] {
            bar = reloaded(&bar, &[of(known)]);
            bar.come(Some(revival));
            assert!(bar.hear(false) && bar.admits(known, false) && !bar.admits(seat(), false));
        }
        assert!(bar.come(Some(3)) && bar.is_up());
    }

    #[test]
    fn a_reload_before_the_restart_is_none_either() {
        let known = seat();
        let mut bar = reloaded(&in_a_locked_room(), &[of(known)]);
        bar.come(Some(1));
        assert!(bar.admits(known, false) && !bar.admits(seat(), false));
    }

    #[test]
    fn the_creator_lifts_it_and_then_the_broker_is_believed() {
        let mut bar = in_a_locked_room();
        bar.come(Some(1));
        assert!(bar.lift() && !bar.lift());
        assert!(bar.admits(seat(), false));
        assert_eq!(bar.memory(&[of(seat())]).0, None);
        assert!(!bar.come(Some(1)) && !bar.hear(false) && bar.hear(true));
        // Locked in this revival, of which we know all: until the broker forgets once more.
        let mut again = reloaded(&bar, &[]);
        assert!(!again.come(Some(1)) && again.admits(seat(), false));
        assert!(again.come(Some(2)) && !again.admits(seat(), false));
    }

    #[test]
    fn what_is_remembered_and_told_has_an_end() {
        let mut bar = in_a_locked_room();
        let one = seat();
        assert!(bar.turns_away(one) && !bar.turns_away(one));
        assert!((0..1000).filter(|_| bar.turns_away(seat())).count() < 2 * MAX_SEATS);
        for _ in 0..5 {
            bar = reloaded(&bar, &(0..MAX_SEATS).map(|_| of(seat())).collect::<Vec<_>>());
        }
        assert_eq!(bar.memory(&[of(one)]).0.expect("locked").len(), 2 * MAX_SEATS * one.to_json().len());
    }
}
