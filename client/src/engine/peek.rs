//! Looking at rooms from outside: for *Your rooms*, and at the door of the one that is about to be joined.

use std::rc::Rc;

use futures_channel::mpsc;
use futures_util::StreamExt;
use klatch_shared::AnyToken;
use klatch_shared::limits::MAX_PEEKED_ROOMS;
use klatch_shared::wire::{Event, Glance, Hello, Peek, PeekAt, Peeked, Verb};
use yew::Callback;

use super::socket::{Socket, SocketEvent};
use super::storage::SeatRecord;

/// A socket on which the broker has said hello, and nothing else.
pub(super) struct Greeted {
    pub(super) socket: Rc<Socket>,
    pub(super) hello: Hello,
}

/// How the room of a seat is.
pub(super) struct Seen {
    pub(super) glance: Glance,
    /// Whether it was our seat that let us look, not the invitation.
    pub(super) seated: bool,
}

impl Seen {
    fn is_alive(&self) -> bool {
        matches!(self.glance, Glance::Alive(_))
    }
}

/// How the rooms of these seats are, at most [`MAX_PEEKED_ROOMS`]; `None` where the broker can't be reached. Where a seat was
/// released, the invitation may still open the room.
pub(super) async fn look(socket: &Socket, seats: &[SeatRecord]) -> Option<Vec<Seen>> {
    if seats.is_empty() {
        return Some(Vec::new());
    }
    let seats = &seats[..seats.len().min(MAX_PEEKED_ROOMS)];
    let mut seen = ask(socket, seats.iter().map(|seat| (seat, seat.taken))).await?;
    let unknown: Vec<usize> = (0..seen.len()).filter(|i| seats[*i].taken && !seen[*i].is_alive()).collect();
    if !unknown.is_empty() {
        let again = ask(socket, unknown.iter().map(|i| (&seats[*i], false))).await?;
        for (i, again) in unknown.into_iter().zip(again) {
            seen[i] = again;
        }
    }
    Some(seen)
}

/// The same, of each with the seat's token or with the invitation's.
async fn ask<'a>(socket: &Socket, seats: impl Iterator<Item = (&'a SeatRecord, bool)> + Clone) -> Option<Vec<Seen>> {
    let rooms: Vec<PeekAt> = seats
        .clone()
        .map(|(seat, seated)| {
            let token = if seated {
                AnyToken::Seat(seat.token.clone())
            } else {
                AnyToken::Invite(seat.invitation.invite.clone())
            };
            PeekAt { room: seat.invitation.room, token }
        })
        .collect();
    let count = rooms.len();
    let peeked = socket.ask::<Peeked>(Verb::Peek(Peek { rooms })).await.ok()?.rooms;
    let seen = peeked.into_iter().zip(seats).map(|(peeked, (_, seated))| Seen { glance: peeked.glance, seated });
    Some(seen.collect()).filter(|seen: &Vec<Seen>| seen.len() == count)
}

/// Opens one.
pub(super) async fn greeted(path: &str) -> Option<Greeted> {
    let (sender, mut events) = mpsc::unbounded();
    let tell = Callback::from(move |event| {
        // Nobody listens once hello was said.
        let _ = sender.unbounded_send(event);
    });
    let socket = Socket::open(path, tell)?;
    while let Some(event) = events.next().await {
        match event {
            SocketEvent::Event(Event::Hello(hello)) => return Some(Greeted { socket, hello }),
            SocketEvent::Event(_) | SocketEvent::Unanswered => {}
            SocketEvent::Closed(_) => return None,
        }
    }
    None
}
