//! The other members, as their cards and the broker's events tell of them.

use gloo_timers::callback::Timeout;
use klatch_mesh::{Allowance, Few, Misdeeds, Passing};
use klatch_shared::seal::PairKey;
use klatch_shared::wire::{MemberView, Presence, SeatOf};
use klatch_shared::{Card, Latch, MemberId, MemberKeys, RoomKeys, Sealed, SessionNonce};

use super::clock;

/// A member whose card opened.
pub(super) struct Peer {
    /// Place in the order of seats.
    pub(super) ordinal: u32,
    /// What the seat's token is checked against.
    pub(super) latch: Latch,
    /// The broker has a seat of theirs.
    pub(super) has_seat: bool,
    /// What the broker says.
    pub(super) presence: Presence,
    /// The latest page load.
    pub(super) session: SessionNonce,
    /// The latest card.
    pub(super) card: Card,
    /// Ours with this member.
    pub(super) pair: PairKey,
    /// Whether there is a tile.
    pub(super) shown: bool,
    /// The page said goodbye.
    pub(super) going: bool,
    /// Runs while a member whose socket was lost may still be back; for so many milliseconds in all.
    pub(super) grace: Option<(u32, Timeout)>,
    /// The name as it was told of last, until the present one is.
    pub(super) renamed: Option<(String, Timeout)>,
    /// When a screen of this member's was last shown.
    pub(super) screen_shown: Option<u64>,
    /// Runs while the next one is not to be shown yet.
    pub(super) screen_waits: Option<Timeout>,
    /// What this member may still say.
    pub(super) allowance: Allowance,
    /// What this member may still offer.
    pub(super) offers: Allowance,
    /// What may still be passed on for this member, and to them.
    pub(super) passing: Passing,
    /// Things of this member's that could not be read, or were too many.
    pub(super) misdeeds: Misdeeds,
    /// The page of theirs that dropped the link to us.
    pub(super) refuses: Option<SessionNonce>,
    /// The person was told that they had.
    pub(super) told_refusal: bool,
}

/// All whose cards opened.
#[derive(Default)]
pub(super) struct Peers {
    by_id: Few<MemberId, Peer>,
}

/// The card does not open, or shows other keys than before, or the seat was taken by another token: no tile, no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadCard;

impl Peers {
    /// Takes in what the broker says of a seat, but for its place: the member is known from now on.
    ///
    /// # Errors
    /// [`BadCard`].
    pub(super) fn meet(
        &mut self,
        room: &RoomKeys,
        keys: &MemberKeys,
        view: &MemberView,
        ordinal: u32,
    ) -> Result<(), BadCard> {
        let card = Card::open(room, view.member, &view.card).map_err(|_| BadCard)?;
        match self.by_id.get_mut(&view.member) {
            Some(peer) => {
                if !card.follows(&peer.card) || peer.latch != view.latch {
                    return Err(BadCard);
                }
                peer.card = card;
                peer.has_seat = true;
                peer.presence = view.presence;
                peer.session = view.session;
                peer.ordinal = ordinal;
            }
            None => {
                let pair = keys.pair_key(room, &card.dh).ok_or(BadCard)?;
                let peer = Peer {
                    ordinal,
                    latch: view.latch,
                    has_seat: true,
                    presence: view.presence,
                    session: view.session,
                    card,
                    pair,
                    shown: false,
                    going: false,
                    grace: None,
                    renamed: None,
                    screen_shown: None,
                    screen_waits: None,
                    allowance: Allowance::new(clock::now()),
                    offers: Allowance::new(clock::now()),
                    passing: Passing::new(clock::now()),
                    misdeeds: Misdeeds::new(clock::now()),
                    refuses: None,
                    told_refusal: false,
                };
                self.by_id.insert(view.member, peer);
            }
        }
        Ok(())
    }

    /// A member's new card; false where it is not one.
    pub(super) fn new_card(&mut self, room: &RoomKeys, member: MemberId, sealed: &Sealed) -> bool {
        let (Some(peer), Ok(card)) = (self.by_id.get_mut(&member), Card::open(room, member, sealed)) else {
            return false;
        };
        let follows = card.follows(&peer.card);
        if follows {
            peer.card = card;
        }
        follows
    }

    /// One of them.
    pub(super) fn get(&self, member: MemberId) -> Option<&Peer> {
        self.by_id.get(&member)
    }

    /// One of them, to change.
    pub(super) fn get_mut(&mut self, member: MemberId) -> Option<&mut Peer> {
        self.by_id.get_mut(&member)
    }

    /// Those who are named for their misdeeds no longer.
    pub(super) fn forgiven(&mut self) -> Vec<MemberId> {
        let ids: Vec<_> = self.by_id.keys().copied().collect();
        let now = clock::now();
        ids.into_iter().filter(|id| self.get_mut(*id).is_some_and(|peer| peer.misdeeds.is_forgiven(now))).collect()
    }

    /// Forgets one.
    pub(super) fn remove(&mut self, member: MemberId) {
        self.by_id.remove(&member);
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (MemberId, &Peer)> {
        self.by_id.iter().map(|(id, peer)| (*id, peer))
    }

    /// Their seats, as they are remembered.
    pub(super) fn seats(&self) -> Vec<SeatOf> {
        let seated = self.iter().filter(|(_, peer)| peer.has_seat);
        seated.map(|(member, peer)| SeatOf { member, ordinal: peer.ordinal, latch: peer.latch }).collect()
    }
}
