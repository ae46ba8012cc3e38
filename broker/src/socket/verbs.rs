//! What each verb means on a socket; the rooms decide all that is about rooms.

use klatch_shared::RoomId;
use klatch_shared::wire::{Forget, RefusalCode, Request, Verb};

use crate::rooms::Ask;
use crate::switchboard::Line;

/// Answers one request.
pub(super) fn answer(line: &Line, Request { id, verb }: Request) {
    match verb {
        Verb::Ping => line.pong(id),
        Verb::Peek(peek) => line.peek(id, &peek),
        Verb::HostCode(code) => line.try_code(id, &code),
        verb => match line.place() {
            None => line.refuse(Some(id), RefusalCode::NoRoomHere),
            Some(room) => answer_in_room(line, room, id, verb),
        },
    }
}

fn answer_in_room(line: &Line, room: RoomId, id: i64, verb: Verb) {
    let ask = match verb {
        Verb::Create(create) => line.prove_create(room, create),
        Verb::Join(join) => line.prove_join(room, join),
        Verb::Revive(revive) => line.prove_revive(room, revive),
        Verb::Leave => Ok(Ask::Leave),
        Verb::Forget(Forget { token: None }) => Ok(Ask::Forget),
        Verb::Forget(Forget { token: Some(token) }) => Ok(Ask::Release(token)),
        Verb::Card(card) => Ok(Ask::Card(card)),
        Verb::Lock(lock) => Ok(Ask::Lock(lock)),
        Verb::End => Ok(Ask::End),
        Verb::Offer(offer) => Ok(Ask::Offer(offer)),
        Verb::Answer(answer) => Ok(Ask::Answer(answer)),
        Verb::Candidate(candidate) => Ok(Ask::Candidate(candidate)),
        Verb::IceServers => {
            return match line.ice_servers(room) {
                Ok(servers) => line.grant(id, &servers),
                Err(code) => line.refuse(Some(id), code),
            };
        }
        Verb::Peek(_) | Verb::HostCode(_) | Verb::Ping => return,
    };
    match ask {
        Ok(ask) => line.ask(room, id, ask),
        Err(code) => line.refuse(Some(id), code),
    }
}
