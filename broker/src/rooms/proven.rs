//! A request whose proof holds. Signatures are checked here, before anything is locked.

use klatch_shared::wire::{Create, Join, RefusalCode, Revive};
use klatch_shared::{Nonce, ProofLabel, RoomId};

/// A `create`, `join` or `revive` by somebody who holds the room's key, made for this room and this socket.
#[derive(Clone, Debug)]
pub struct Proven<T>(T);

impl Proven<Create> {
    /// Checks the proof.
    ///
    /// # Errors
    /// [`RefusalCode::BadProof`] if the key is another room's or the signature is not for this socket and member.
    pub fn check(create: Create, room: RoomId, nonce: &Nonce) -> Result<Self, RefusalCode> {
        let holds = create.key.room_id() == room
            && create.key.verifies(&create.proof, ProofLabel::Create, nonce, &create.member);
        if holds { Ok(Self(create)) } else { Err(RefusalCode::BadProof) }
    }
}

impl Proven<Join> {
    /// Checks the proof.
    ///
    /// # Errors
    /// See [`Proven::<Create>::check`].
    pub fn check(join: Join, room: RoomId, nonce: &Nonce) -> Result<Self, RefusalCode> {
        let holds = join.key.room_id() == room && join.key.verifies(&join.proof, ProofLabel::Join, nonce, &join.member);
        if holds { Ok(Self(join)) } else { Err(RefusalCode::BadProof) }
    }
}

impl Proven<Revive> {
    /// Checks the proof.
    ///
    /// # Errors
    /// See [`Proven::<Create>::check`].
    pub fn check(revive: Revive, room: RoomId, nonce: &Nonce) -> Result<Self, RefusalCode> {
        let holds = revive.key.room_id() == room
            && revive.key.verifies(&revive.proof, ProofLabel::Revive, nonce, &revive.member);
        if holds { Ok(Self(revive)) } else { Err(RefusalCode::BadProof) }
    }
}

impl<T> Proven<T> {
    /// The request.
    pub(super) fn into_inner(self) -> T {
        self.0
    }

    /// Takes the proof for granted: in tests signatures would cost more than everything else.
    #[cfg(test)]
    pub(super) fn granted(request: T) -> Self {
        Self(request)
    }
}
