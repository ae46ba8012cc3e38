//! What can be wrong in a way that needs a page of its own: each says what happened and what to do.

use klatch_shared::wire::RefusalCode;
use klatch_shared::{BadInvitation, RoomId};

use super::session::Over;
use crate::state::{Intent, Trouble};

/// What may pass by itself.
pub(super) const UNREACHABLE: &str = "The server cannot be reached. Check your connection, then try again.";

fn trouble(title: &str, advice: &str, remedy: Option<(&str, Intent)>) -> Trouble {
    Trouble {
        title: title.to_owned(),
        advice: advice.to_owned(),
        remedy: remedy.map(|(label, intent)| (label.to_owned(), intent)),
    }
}

/// What this browser or origin lacks, if anything.
pub(super) fn of_the_browser() -> Option<Trouble> {
    let window = web_sys::window()?;
    let lacks = |name: &str| js_sys::Reflect::get(&window, &name.into()).is_ok_and(|value| value.is_undefined());
    if !window.is_secure_context() {
        return Some(trouble(
            "This address is not secure",
            "Browsers allow calls on https addresses and on localhost only. Open this page by its https address, or ask whoever runs it for one.",
            None,
        ));
    }
    if lacks("RTCPeerConnection") || lacks("WebSocket") {
        return Some(trouble(
            "This browser cannot make calls",
            "It has no WebRTC, or it is switched off. Use a current Firefox, Chrome, Edge or Safari, and allow WebRTC in its settings.",
            None,
        ));
    }
    None
}

/// A link that can't be opened.
pub(super) fn of_the_link(bad: BadInvitation) -> Trouble {
    let title = match bad {
        BadInvitation::NotALink => "This is not an invitation",
        BadInvitation::NoKey => "This link has lost its key",
        BadInvitation::BadKey => "The key in this link is damaged",
    };
    trouble(title, &bad.to_string(), None)
}

/// A refusal that a person in the lobby can do nothing about by trying again at once.
pub(super) fn of_the_refusal(code: RefusalCode, sentence: &str) -> Option<Trouble> {
    let title = match code {
        RefusalCode::UnknownRoom => "This room is gone",
        RefusalCode::RoomLocked => "This room is locked",
        RefusalCode::BadProof => "The key in this link does not fit",
        RefusalCode::BadInvitation => "This invitation is not valid",
        RefusalCode::UnknownSeat => "Your seat was released",
        RefusalCode::HostCodeWanted | RefusalCode::HostCodeWrong => "A host code is wanted",
        RefusalCode::BadFrame
        | RefusalCode::UnknownVerb
        | RefusalCode::BadRequest
        | RefusalCode::NoRoomHere
        | RefusalCode::TooFast
        | RefusalCode::TooManyFailures
        | RefusalCode::TooManyRooms
        | RefusalCode::TooManyJoins
        | RefusalCode::BrokerFull
        | RefusalCode::RoomExists
        | RefusalCode::RoomFull
        | RefusalCode::MemberTaken
        | RefusalCode::NotJoined
        | RefusalCode::AlreadyJoined
        | RefusalCode::NotCreator
        | RefusalCode::NotPresent
        | RefusalCode::UnknownExchange
        | RefusalCode::TooManyCandidates
        | RefusalCode::ShuttingDown
        | RefusalCode::Unknown => return None,
    };
    let again = matches!(code, RefusalCode::RoomLocked | RefusalCode::UnknownSeat);
    Some(trouble(title, sentence, again.then_some(("Try again", Intent::Reload))))
}

/// A session that ended without our asking.
pub(super) fn of_the_end(why: Over, room: RoomId) -> Trouble {
    match why {
        Over::Elsewhere => trouble(
            "This seat was opened elsewhere",
            "You joined this room in another tab or window, and a seat has room for one. Go on there, or take the seat back here.",
            Some(("Use it here", Intent::Rejoin(room))),
        ),
        Over::Ended => trouble(
            "The room was ended",
            "Whoever created it ended it for everybody. Its link does not open it any more. Create a new room to go on.",
            None,
        ),
        Over::Forgotten | Over::Gone => trouble(
            "This room is gone",
            "It was ended, stood empty for too long, or the server was restarted. Create a new room and send a new link.",
            None,
        ),
    }
}
