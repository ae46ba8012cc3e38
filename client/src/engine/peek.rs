//! Looking at rooms from outside: for *Your rooms* and before joining, each time on a socket of its own.

use std::rc::Rc;

use futures_channel::mpsc;
use futures_util::StreamExt;
use klatch_shared::wire::{Event, Peek, PeekAt, Peeked, PeekedRoom, Verb};
use yew::Callback;

use super::socket::{AskError, Socket, SocketEvent};

/// How these rooms are; `None` where the broker can't be reached.
pub(super) async fn peek(rooms: Vec<PeekAt>) -> Option<Vec<PeekedRoom>> {
    let socket = greeted("/ws").await?;
    let peeked = socket.ask::<Peeked>(Verb::Peek(Peek { rooms })).await;
    socket.close();
    match peeked {
        Ok(peeked) => Some(peeked.rooms),
        Err(AskError::Refused(_) | AskError::Lost) => None,
    }
}

/// A short-lived socket on which the broker has said hello.
pub(super) async fn greeted(path: &str) -> Option<Rc<Socket>> {
    let (sender, mut events) = mpsc::unbounded();
    let tell = Callback::from(move |event| {
        // Nobody listens once hello was said.
        let _ = sender.unbounded_send(event);
    });
    let socket = Socket::open(path, tell)?;
    while let Some(event) = events.next().await {
        match event {
            SocketEvent::Event(Event::Hello(_)) => return Some(socket),
            SocketEvent::Event(_) => {}
            SocketEvent::Closed(_) => return None,
        }
    }
    None
}
