//! Whom we don't meet: newcomers to a room that was locked when a broker without a memory was told of it.
//!
//! Such a broker believes whoever has the link, of the room's lock as well as of its seats. So a page that remembers the room as locked
//! puts a bar up when it comes to a revival of it, or its own seat is not known there any more, and meets only those whose seats it knew,
//! until the room's creator says in person that it is open. A seat is known by its latch, which nobody else's token shows. Who created the
//! room is settled when the page comes to it first.

use klatch_shared::json::ToJson as _;
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::wire::SeatOf;
use klatch_shared::{Latch, MemberId};

/// What is kept with the seat, for a page that is loaded again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Of a room that is locked, whose seats are known: their latches as they are written, one after the other.
    pub known: Option<String>,
    /// The revival that we came to last.
    pub revival: Option<u32>,
    /// What the broker says of the lock does not hold.
    pub is_up: bool,
    /// Who created the room, as it was when we came first.
    pub creator: Option<MemberId>,
    /// Of the creator's seat, once it was met.
    pub creators_latch: Option<Latch>,
}

impl Memory {
    /// The broker does not know our seat any more. If the room was locked it is another one, perhaps.
    pub fn doubt(&mut self) {
        self.is_up |= self.known.is_some();
    }
}

/// The bar of one room.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    memory: Memory,
    /// Of whom it was said that they are not met.
    told_of: String,
}

impl Bar {
    /// As it was left.
    pub fn new(memory: Memory) -> Self {
        Self { memory, told_of: String::new() }
    }

    /// What is to be kept, with the seats that are known by now.
    pub fn memory(&mut self, seats: &[SeatOf]) -> Memory {
        for seat in seats {
            if let Some(known) = &mut self.memory.known {
                note(known, seat.latch);
            }
            if self.memory.creator == Some(seat.member) {
                self.memory.creators_latch.get_or_insert(seat.latch);
            }
        }
        self.memory.clone()
    }

    /// A broker that has this member for the creator let us in, to a room that was revived there or not. Whether it forgot since it,
    /// or one before it, did so last.
    pub fn come(&mut self, creator: MemberId, revival: Option<u32>) -> bool {
        self.memory.creator.get_or_insert(creator);
        let is_new = revival != self.memory.revival;
        self.memory.revival = revival;
        self.memory.is_up |= is_new && self.is_locked();
        is_new
    }

    /// Who created the room: whatever a broker says that forgot it, who we were told when we came first.
    pub fn creator(&self) -> Option<MemberId> {
        self.memory.creator
    }

    /// The broker says whether the room is locked; whether it is, to us.
    pub fn hear(&mut self, locked: bool) -> bool {
        if !self.is_up() {
            self.set(locked);
        }
        self.is_locked()
    }

    /// The creator says that the room is open. Whether somebody may have been turned away until now.
    pub fn lift(&mut self) -> bool {
        let was_up = std::mem::take(&mut self.memory.is_up);
        if was_up {
            self.set(false);
        }
        was_up
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        self.memory.is_up
    }

    /// Whether the room is locked, to us.
    pub fn is_locked(&self) -> bool {
        self.memory.known.is_some()
    }

    /// Whether whoever has this seat is to be met, whom we know by it already or don't. In the creator's seat it is the creator alone.
    pub fn admits(&self, member: MemberId, latch: Latch, is_known: bool) -> bool {
        let Memory { known, creator, creators_latch, .. } = &self.memory;
        if *creator == Some(member) && creators_latch.is_some_and(|creators| creators != latch) {
            return false;
        }
        !self.is_up() || is_known || known.as_ref().is_some_and(|known| has(known, &latch.to_json()))
    }

    /// Somebody is turned away. Whether that is to be told: once of each, and not of ever more.
    pub fn turns_away(&mut self, seat: Latch) -> bool {
        note(&mut self.told_of, seat)
    }

    fn set(&mut self, locked: bool) {
        if locked {
            self.memory.known.get_or_insert_default();
        } else {
            self.memory.known = None;
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
    use klatch_shared::SeatToken;

    fn latch() -> Latch {
        SeatToken::random().hash().latch()
    }

    fn ana() -> MemberId {
        MemberId::from_random_bytes([1; 16])
    }

    fn of(latch: Latch) -> SeatOf {
        SeatOf { member: MemberId::random(), ordinal: 0, latch }
    }

    fn reloaded(bar: &mut Bar, known: &[SeatOf]) -> Bar {
        Bar::new(bar.memory(known))
    }

    fn meets(bar: &Bar, latch: Latch) -> bool {
        bar.admits(MemberId::random(), latch, false)
    }

    /// In a room that Ana created and locked, of a broker that has not forgotten it.
    fn in_a_locked_room() -> Bar {
        let mut bar = Bar::default();
        assert!(!bar.come(ana(), None));
        assert!(!bar.hear(false));
        assert!(bar.hear(true));
        bar
    }

    #[test]
    fn in_a_room_that_was_open_or_is_not_revived_everybody_is_met() {
        assert!(meets(&in_a_locked_room(), latch()));
        let mut open = Bar::default();
        open.come(ana(), None);
        open.hear(false);
        assert!(open.come(ana(), Some(1)), "the broker forgot");
        assert!(open.hear(true), "others remember it as locked");
        assert!(meets(&open, latch()));
    }

    #[test]
    fn whoever_comes_to_a_locked_room_by_a_revival_is_met_only_if_known() {
        let mut bar = in_a_locked_room();
        assert!(bar.come(ana(), Some(1)));
        // Whatever the broker was told.
        assert!(bar.hear(false) && bar.hear(true) && bar.hear(false));
        assert!(!meets(&bar, latch()));
        assert!(bar.admits(MemberId::random(), latch(), true));
    }

    #[test]
    fn the_bar_outlives_lost_sockets_reloads_and_more_restarts() {
        let known = latch();
        let mut bar = in_a_locked_room();
        bar.come(ana(), Some(1));
        assert!(!bar.come(ana(), Some(1)), "the same broker");
        assert!(bar.is_up());
        for revival in [1, 2] {
            bar = reloaded(&mut bar, &[of(known)]);
            bar.come(ana(), Some(revival));
            assert!(bar.hear(false) && meets(&bar, known) && !meets(&bar, latch()));
        }
        assert!(bar.come(ana(), Some(3)) && bar.is_up());
    }

    #[test]
    fn a_reload_before_the_restart_is_none_either() {
        let known = latch();
        let mut bar = reloaded(&mut in_a_locked_room(), &[of(known)]);
        bar.come(ana(), Some(1));
        assert!(meets(&bar, known) && !meets(&bar, latch()));
    }

    #[test]
    fn whose_seat_in_a_locked_room_is_unknown_meets_nobody_unknown_whatever_the_room_is_said_to_be() {
        let known = latch();
        for revival in [None, Some(1)] {
            let mut memory = in_a_locked_room().memory(&[of(known)]);
            memory.doubt();
            let mut bar = Bar::new(memory);
            bar.come(MemberId::random(), revival);
            assert!(bar.hear(false) && bar.is_up());
            bar = reloaded(&mut bar, &[]);
            bar.come(MemberId::random(), revival);
            assert!(meets(&bar, known) && !meets(&bar, latch()));
            assert!(bar.lift() && meets(&bar, latch()));
        }
        let mut open = Memory::default();
        open.doubt();
        assert!(!open.is_up);
    }

    #[test]
    fn a_room_that_was_revived_and_is_not_any_more_is_another() {
        let mut bar = Bar::default();
        bar.come(ana(), Some(1));
        bar.hear(true);
        assert!(bar.come(ana(), None) && !meets(&bar, latch()));
    }

    #[test]
    fn who_created_the_room_stays_so_whomever_a_broker_names_later() {
        let mal = MemberId::random();
        let creators = SeatOf { member: ana(), ordinal: 0, latch: latch() };
        let mut bar = Bar::default();
        bar.come(ana(), None);
        bar = reloaded(&mut bar, &[creators]);
        bar.come(mal, Some(1));
        assert_eq!(bar.creator(), Some(ana()));
        // In a room that is not locked as well.
        assert!(bar.admits(ana(), creators.latch, false) && meets(&bar, latch()));
        assert!(!bar.admits(ana(), latch(), false), "another sits in the creator's seat");
        bar.memory(&[SeatOf { latch: latch(), ..creators }]);
        assert!(bar.admits(ana(), creators.latch, false));
    }

    #[test]
    fn the_creator_lifts_it_and_then_the_broker_is_believed() {
        let mut bar = in_a_locked_room();
        bar.come(ana(), Some(1));
        assert!(bar.lift() && !bar.lift());
        assert!(meets(&bar, latch()));
        assert_eq!(bar.memory(&[of(latch())]).known, None);
        assert!(!bar.come(ana(), Some(1)) && !bar.hear(false) && bar.hear(true));
        // Locked in this revival, of which we know all: until the broker forgets once more.
        let mut again = reloaded(&mut bar, &[]);
        assert!(!again.come(ana(), Some(1)) && meets(&again, latch()));
        assert!(again.come(ana(), Some(2)) && !meets(&again, latch()));
    }

    #[test]
    fn what_is_remembered_and_told_has_an_end() {
        let mut bar = in_a_locked_room();
        let one = latch();
        assert!(bar.turns_away(one) && !bar.turns_away(one));
        assert!((0..1000).filter(|_| bar.turns_away(latch())).count() < 2 * MAX_SEATS);
        for _ in 0..5 {
            bar = reloaded(&mut bar, &(0..MAX_SEATS).map(|_| of(latch())).collect::<Vec<_>>());
        }
        assert_eq!(bar.memory(&[of(one)]).known.expect("locked").len(), 2 * MAX_SEATS * one.to_json().len());
    }
}
