//! What an event tells of a room, and which earlier news it makes superfluous.

use klatch_shared::MemberId;
use klatch_shared::wire::Event;

/// What an event tells of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// A member with a new seat.
    Joined(MemberId),
    /// A member who is present again, with session and card.
    Back(MemberId),
    /// A member who is away or left.
    Absent(MemberId),
    /// A member's new card.
    Card(MemberId),
    /// A seat that was released.
    Forgotten(MemberId),
    /// Locked or unlocked.
    Locked,
    /// The room's end.
    Ended,
}

impl News {
    /// What an event tells of a room; `None` for those that are a member's own words, or the broker's of itself.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Joined(view) => Some(Self::Joined(view.member)),
            Event::Back(view) => Some(Self::Back(view.member)),
            Event::Away { member } | Event::Left { member } => Some(Self::Absent(*member)),
            Event::Card { member, .. } => Some(Self::Card(*member)),
            Event::Forgotten { member } => Some(Self::Forgotten(*member)),
            Event::Locked { .. } => Some(Self::Locked),
            Event::Ended => Some(Self::Ended),
            Event::Hello(_) | Event::Offer { .. } | Event::Answer { .. } | Event::Candidate { .. } => None,
        }
    }

    /// Whether who hears this need not have heard `earlier`.
    pub(super) fn supersedes(self, earlier: Self) -> bool {
        match self {
            Self::Joined(_) | Self::Ended => false,
            Self::Back(of) => [Self::Back(of), Self::Absent(of), Self::Card(of)].contains(&earlier),
            Self::Absent(_) | Self::Card(_) | Self::Locked => earlier == self,
            Self::Forgotten(of) => {
                [Self::Joined(of), Self::Back(of), Self::Absent(of), Self::Card(of)].contains(&earlier)
            }
        }
    }
}
