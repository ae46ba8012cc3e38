//! What is made ready at a room's door, while a person reads and types a name: then *Join* takes one answer of the broker.

use std::rc::Rc;

use klatch_shared::wire::Hello;
use klatch_shared::{Proof, ProofLabel, RoomKeys};

use super::peek::{Greeted, greeted};
use super::socket::Socket;
use super::storage::SeatRecord;
use super::ways::Spare;

/// A socket on which the broker has said hello, the answer to that, and a connection for the first member.
pub(super) struct Door {
    pub(super) room: RoomKeys,
    pub(super) socket: Rc<Socket>,
    pub(super) hello: Hello,
    pub(super) proof: Proof,
    pub(super) spare: Option<Spare>,
}

impl Door {
    /// Goes there with a seat; `None` where the broker can't be reached.
    pub(super) async fn of(seat: &SeatRecord) -> Option<Self> {
        let room = RoomKeys::derive(&seat.invitation.key);
        let Greeted { socket, hello } = greeted(&format!("/ws/{}", room.id())).await?;
        let proof = room.prove(label(seat), &hello.nonce, &seat.member);
        Some(Self { room, socket, hello, proof, spare: None })
    }

    /// Whether it may still be used.
    pub(super) fn is_open(&self) -> bool {
        self.socket.is_fresh()
    }
}

/// What a seat's holder has to prove.
pub(super) fn label(seat: &SeatRecord) -> ProofLabel {
    if seat.is_to_be_created() { ProofLabel::Create } else { ProofLabel::Join }
}
