//! A made-up state, as the query wants it.

use std::rc::Rc;

use klatch_mesh::Health;
use klatch_shared::{MemberId, MessageId, RoomId, Username};
use wasm_bindgen::JsCast;
use web_sys::MediaStream;

use super::query::Query;
use crate::state::{
    BrokerLink, Capture, Chat, Conduct, Device, Devices, Home, Host, Intent, KnownRoom, Line, Lobby, LocalMedia,
    LocalTile, Member, Notice, Page, Panel, Path, Preferences, Receipt, Revision, Room, Said, State, Theme, Tone,
    Trouble,
};

const NAMES: [&str; 11] = [
    "Bo",
    "Wilhelmine",
    "Dee",
    "صباح",
    "Nguyễn Thị Phương Thảo",
    "Zoë",
    "Олександра",
    "小林",
    "Ana",
    "Ana (2)",
    "Maximiliana von und zu Langenfel",
];
/// Twenty minutes past ten in the morning of some day.
const NOON: u64 = 1_763_634_000_000;

/// The state that the query asks for.
pub fn state(query: &Query) -> State {
    let cameras = query.number("cameras", 0) > 0;
    let bad = query.number("bad", 0) > 0;
    let page = match query.text("page") {
        "lobby" | "denied" => Page::Lobby(lobby(bad)),
        "room" => Page::Room(Box::new(room(query, cameras, bad))),
        "trouble" => Page::Trouble(Trouble {
            title: "This room is locked".to_owned(),
            advice: "Its creator lets nobody new in right now. Ask somebody inside to unlock it, then try again."
                .to_owned(),
            remedy: Some(("Try again".to_owned(), Intent::Reload)),
        }),
        _ => Page::Home(Home {
            name_error: bad.then(|| "Please type a name.".to_owned()),
            link_error: bad.then(|| "That link has no key after the #. Ask for the whole link.".to_owned()),
            code: String::new(),
            code_error: bad.then(|| "This is not a host code of this server. Ask whoever runs it for one.".to_owned()),
        }),
    };
    let denied = query.text("page") == "denied";
    State {
        page,
        name: name("Çelik"),
        rooms: Rc::new(if query.text("page") == "first" { Vec::new() } else { rooms() }),
        preferences: Preferences {
            theme: match query.text("theme") {
                "light" => Theme::Light,
                "dark" => Theme::Dark,
                _ => Theme::System,
            },
            join_with_microphone: true,
            join_with_camera: cameras,
            ..Preferences::default()
        },
        devices: Devices {
            microphones: vec![device("m", "Built-in microphone"), device("h", "Headset")],
            cameras: vec![device("c", "Integrated camera (04f2:b6d9)")],
            speakers: if bad { Vec::new() } else { vec![device("s", "Headset")] },
        },
        local: LocalMedia {
            microphone: if denied {
                Capture::Failed("The browser does not let this page use the microphone. Allow it in the address bar, then switch it on again.".to_owned())
            } else {
                moving("#444", "").map_or(Capture::Off, Capture::On)
            },
            camera: if cameras { moving("#7a5c45", "Ç").map_or(Capture::Off, Capture::On) } else { Capture::Off },
            screen: if query.number("screens", 0) > 2 {
                moving("#dfe6ee", "own").map_or(Capture::Off, Capture::On)
            } else {
                Capture::Off
            },
            ..LocalMedia::default()
        },
        notices: notices().into_iter().take(query.number("notices", 0)).collect(),
        served: None,
        update_ready: query.number("update", 0) > 0,
        host: Rc::new(Host {
            imprint: bad.then(|| "https://klatch.example/imprint".to_owned()),
            privacy: bad.then(|| "https://klatch.example/privacy".to_owned()),
            wants_code: query.number("code", 0) > 0,
        }),
    }
}

fn lobby(bad: bool) -> Lobby {
    Lobby {
        room: room_id(1),
        name: "Küche ☕".parse().ok(),
        creating: false,
        inside: Some((3, bad)),
        full: bad,
        seated: false,
        joining: false,
        name_error: bad.then(|| "Please type a name.".to_owned()),
        error: bad.then(|| "The room is locked. Ask somebody inside to unlock it.".to_owned()),
        remember: true,
    }
}

fn room(query: &Query, cameras: bool, bad: bool) -> Room {
    let count = query.number("members", 4).min(NAMES.len());
    let screens = query.number("screens", 0);
    let members: Vec<Member> = (0..count)
        .filter_map(|i| {
            let mut member = Member::new(member_id(i), NAMES[i].to_owned(), &name(NAMES[i])?);
            member.health = Health::Connected;
            member.path = Some(if i == 2 { Path::Relay } else { Path::Direct });
            member.sends.microphone = i != 1;
            member.speaking = i == 0;
            member.sends.camera = cameras && i % 3 != 2;
            member.camera =
                if member.sends.camera { moving(COLOURS[i % COLOURS.len()], &member.initial) } else { None };
            member.sends.screen = i < screens;
            member.sends.screen_sound = i == 0 && screens > 0;
            member.screen = if i < screens { moving("#fdfdfb", "screen") } else { None };
            if bad {
                member.health = [Health::Connected, Health::Interrupted, Health::Connecting, Health::Failed][i % 4];
                member.loudness.muted = i == 0;
                member.conduct = [Conduct::Good, Conduct::Bad, Conduct::Refuses, Conduct::Cut][i % 4];
            }
            Some(member)
        })
        .collect();
    Room {
        id: room_id(1),
        name: "Küche ☕".parse().expect("it is a name"),
        link: "https://klatch.example/r/5f0c…#Ff3k2n0yLw9Qm5xZ7rTq1uVbXcDeGhIjKlMnOpQrStU.8sT2vW".to_owned(),
        locked: query.number("locked", 1) > 0,
        creator: query.number("creator", 1) > 0,
        keeps_history: !bad,
        me: LocalTile { id: member_id(20), name: "Çelik".parse().expect("it is a name"), label: "Çelik".to_owned() },
        chat: Rc::new(chat(&members, if query.text("panel") == "chat" { 0 } else { 2 })),
        members: members.into_iter().map(Rc::new).collect(),
        panel: match query.text("panel") {
            "chat" => Some(Panel::Chat),
            "people" => Some(Panel::People),
            "invite" => Some(Panel::Invite),
            "settings" => Some(Panel::Settings),
            _ => None,
        },
        on_stage: None,
        hidden: Vec::new(),
        loudness: Vec::new(),
        sound_blocked: bad,
        broker: if bad { BrokerLink::Lost } else { BrokerLink::Up },
        remembered: true,
        can_share: true,
    }
}

fn chat(members: &[Member], unread: u32) -> Chat {
    let mut chat = Chat { unread, ..Chat::default() };
    if members.len() < 3 {
        return chat;
    }
    let receipts = |missing: bool| {
        members
            .iter()
            .take(3)
            .enumerate()
            .map(|(i, member)| Receipt {
                member: member.id,
                label: member.label.clone(),
                received: !(missing && i == 2),
            })
            .collect()
    };
    let line = |i: u64, author: Option<usize>, text: &str, missing: bool| {
        Line::Said(Rc::new(Said {
            place: (NOON + i * 60_000, author.map_or(member_id(20), |i| members[i].id), message_id(i)),
            label: author.map_or("Çelik".to_owned(), |i| members[i].label.clone()),
            own: author.is_none(),
            at: NOON + i * 60_000,
            text: text.to_owned(),
            revision: match i {
                2 => Revision::Edited,
                6 => Revision::Deleted,
                _ => Revision::None,
            },
            receipts: if author.is_none() { receipts(missing) } else { Vec::new() },
            left: 0,
            is_news: true,
            is_kept: true,
        }))
    };
    chat.put(Line::Happened { serial: 1, place: NOON, at: NOON, text: "Wilhelmine joined".to_owned() });
    chat.put(line(
        1,
        Some(0),
        "Morning! Screen is the new negotiation core, https://example.org/core?view=diff#L120 (needs a look).",
        false,
    ));
    chat.put(line(2, Some(1), "Grüße 👋 the glare case is lovely now.", false));
    chat.put(line(
        3,
        Some(1),
        "One more thing:\n  fn handle(&mut self, input: Input)\nshould that take a clock?",
        false,
    ));
    chat.put(line(4, None, "Agreed. Shall we lock the room?", false));
    chat.put(line(5, None, "<b>locking</b> now", true));
    chat.put(line(6, None, "Oops", false));
    chat.put(Line::Happened {
        serial: 2,
        place: NOON + 360_000,
        at: NOON + 360_000,
        text: "Çelik locked the room".to_owned(),
    });
    chat
}

/// Our own next line.
pub fn said(text: String) -> Line {
    let at = js_sys::Date::now() as u64;
    Line::Said(Rc::new(Said {
        place: (at, member_id(20), message_id(at)),
        label: "Çelik".to_owned(),
        own: true,
        at,
        text,
        revision: Revision::None,
        receipts: Vec::new(),
        left: 0,
        is_news: false,
        is_kept: true,
    }))
}

fn rooms() -> Vec<KnownRoom> {
    [
        ("Küche ☕", 3, false, None),
        ("Redaktion Dienstag", 0, false, Some(12)),
        ("صباح الخير", 2, true, None),
        ("Lesekreis", 1, false, None),
    ]
    .into_iter()
    .enumerate()
    .filter_map(|(i, (name, present, locked, minutes_left))| {
        Some(KnownRoom { room: room_id(i), name: name.parse().ok()?, present, locked, minutes_left })
    })
    .collect()
}

fn notices() -> Vec<Notice> {
    let notice = |id, tone, text: &str| Notice { id, tone, text: text.to_owned() };
    vec![
        notice(1, Tone::News, "Dee is back. Nothing was missed."),
        notice(2, Tone::Warning, "Your headset was unplugged: the built-in microphone is used instead."),
        notice(3, Tone::Error, "The screen could not be shared: the system refused."),
    ]
}

const COLOURS: [&str; 5] = ["#4c6a86", "#86604c", "#5f7d4f", "#7a5488", "#8a7a45"];

/// A stream of a drawn picture. Written in the page's own language, as only the gallery needs a canvas.
fn moving(colour: &str, word: &str) -> Option<MediaStream> {
    let source = "const c = document.createElement('canvas'); c.width = 1280; c.height = 720; const g = c.getContext('2d');
        const draw = () => {
            g.fillStyle = colour; g.fillRect(0, 0, 1280, 720);
            if (word === 'screen') { g.fillStyle = '#333'; g.font = '28px monospace';
                ['fn handle(&mut self, input: Input) -> Vec<Command> {', '    match (&self.state, input) {', '        (Stable, Input::NegotiationNeeded) => self.offer(),', '        (HaveLocalOffer, Input::Offer(sdp)) if self.polite => …'].forEach((l, i) => g.fillText(l, 60, 80 + i * 48)); }
            else if (word === 'own') { g.fillStyle = '#456'; g.font = '60px sans-serif'; g.fillText('My own window', 440, 370); }
            else { g.fillStyle = '#e8c9a8'; g.beginPath(); g.arc(640, 300, 150, 0, 7); g.fill(); g.fillStyle = '#2d2620'; g.beginPath(); g.ellipse(640, 760, 330, 300, 0, 0, 7); g.fill(); }
        };
        draw(); setInterval(draw, 500); return c.captureStream(5);";
    js_sys::Function::new_with_args("colour, word", source)
        .call2(&wasm_bindgen::JsValue::NULL, &colour.into(), &word.into())
        .ok()?
        .dyn_into()
        .ok()
}

fn name(text: &str) -> Option<Username> {
    text.parse().ok()
}

fn device(id: &str, label: &str) -> Device {
    Device { id: id.to_owned(), label: label.to_owned() }
}

fn room_id(i: usize) -> RoomId {
    made_up(i as u64)
}

fn member_id(i: usize) -> MemberId {
    made_up(i as u64 * 7 + 3)
}

fn message_id(i: u64) -> MessageId {
    made_up(i)
}

/// An id with this number at its end, in whichever version it wants.
fn made_up<T: std::str::FromStr>(number: u64) -> T {
    [4, 8]
        .iter()
        .find_map(|version| format!("018f3b2e-0000-{version}000-8000-{number:012x}").parse().ok())
        .expect("ids are of version 4 or 8")
}
