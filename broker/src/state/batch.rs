//! What one commit has in it: of each room and each seat the latest only, so that whoever changes one without end makes no commit longer.

use std::collections::HashMap;

use klatch_shared::{MemberId, RoomId};

use crate::rooms::Change;

/// Changes that are written down together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changes: Vec<Change>,
    /// Where among them what is kept of a room and of its seats stands, since it was discarded last.
    kept: HashMap<RoomId, HashMap<Option<MemberId>, usize>>,
}

impl Batch {
    /// Adds one, after all others.
    pub(super) fn add(&mut self, change: Change) {
        let (room, seat) = match &change {
            Change::KeepRoom(room, _) => (*room, None),
            Change::KeepSeat(room, seat) => (*room, Some(seat.member)),
            Change::DiscardSeat(room, member) => {
                if let Some(kept) = self.kept.get_mut(room) {
                    kept.remove(&Some(*member));
                }
                return self.changes.push(change);
            }
            Change::DiscardRoom(room) => {
                self.kept.remove(room);
                return self.changes.push(change);
            }
        };
        let next = self.changes.len();
        let at = *self.kept.entry(room).or_default().entry(seat).or_insert(next);
        match self.changes.get_mut(at) {
            Some(older) => *older = change,
            None => self.changes.push(change),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    /// In the order in which they are to be written.
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use klatch_shared::{SeatToken, SessionNonce};

    use super::*;
    use crate::rooms::{KeptSeat, Whereabouts};

    fn room_id(number: u8) -> RoomId {
        format!("00000000-0000-8000-8000-0000000000{number:02x}").parse().expect("a UUID v8")
    }

    fn seat(number: u8, ordinal: u32) -> KeptSeat {
        let token: SeatToken = "A".repeat(43).parse().expect("32 bytes");
        KeptSeat {
            member: MemberId::from_random_bytes([number; 16]),
            latch: token.hash().latch(),
            ordinal,
            session: SessionNonce::from_bytes([0; 16]),
            card: "card".parse().expect("base64url"),
            whereabouts: Whereabouts::Present,
        }
    }

    #[test]
    fn of_what_is_changed_again_and_again_the_latest_is_written() {
        let mut batch = Batch::default();
        let (here, there) = (room_id(1), room_id(2));
        let keep = |room, member, ordinal| Change::KeepSeat(room, seat(member, ordinal));
        for ordinal in 0..9 {
            batch.add(keep(here, 1, ordinal));
            batch.add(keep(here, 2, ordinal));
            batch.add(keep(there, 1, ordinal));
        }
        assert_eq!(batch.into_changes(), [keep(here, 1, 8), keep(here, 2, 8), keep(there, 1, 8)]);
    }

    #[test]
    fn what_is_kept_anew_after_it_was_discarded_is_kept() {
        let mut batch = Batch::default();
        let room = room_id(1);
        let (older, newer) = (Change::KeepSeat(room, seat(1, 0)), Change::KeepSeat(room, seat(1, 1)));
        for discard in [Change::DiscardSeat(room, seat(1, 0).member), Change::DiscardRoom(room)] {
            for change in [&older, &discard, &newer, &newer] {
                batch.add(change.clone());
            }
            let batch = std::mem::take(&mut batch).into_changes();
            assert_eq!(batch, [older.clone(), discard, newer.clone()]);
        }
    }
}
