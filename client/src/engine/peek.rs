//! Looking at rooms from outside: for *Your rooms*, and at the door of the one that is about to be joined.

use std::rc::Rc;

use futures_channel::mpsc;
use futures_util::StreamExt;
use klatch_shared::wire::{Event, Hello, Peek, PeekAt, Peeked, PeekedRoom, Verb};
use yew::Callback;

use super::socket::{AskError, Socket, SocketEvent};

/// A socket on which the broker has said hello, and nothing else.
pub(super) struct Greeted {
    pub(super) socket: Rc<Socket>,
    pub(super) hello: Hello,
}

/// How these rooms are; `None` where the broker can't be reached.
pub(super) async fn peek(rooms: Vec<PeekAt>) -> Option<Vec<PeekedRoom>> {
    let Greeted { socket, .. } = greeted("/ws").await?;
    let peeked = ask(&socket, rooms).await;
    socket.close();
    peeked
}

/// The same on a socket that is there already.
pub(super) async fn ask(socket: &Socket, rooms: Vec<PeekAt>) -> Option<Vec<PeekedRoom>> {
    match socket.ask::<Peeked>(Verb::Peek(Peek { rooms })).await {
        Ok(peeked) => Some(peeked.rooms),
        Err(AskError::Refused(_) | AskError::Lost) => None,
    }
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
            SocketEvent::Event(_) => {}
            SocketEvent::Closed(_) => return None,
        }
    }
    None
}
