//! The reducer, action by action.

use std::rc::Rc;

use klatch_mesh::Health;
use klatch_shared::peer::{Sends, Source};
use klatch_shared::{MemberId, MessageId, RoomKey, RoomKeys, Username};

use super::*;

fn name(text: &str) -> Username {
    text.parse().expect("a name")
}

fn state(page: Page) -> State {
    State {
        page,
        name: None,
        rooms: Rc::default(),
        preferences: Preferences::default(),
        devices: Devices::default(),
        local: LocalMedia::default(),
        notices: Vec::new(),
        served: None,
        update_ready: false,
    }
}

fn in_room() -> State {
    state(Page::Room(Box::new(Room {
        id: RoomKeys::derive(&RoomKey::random()).id(),
        name: "Sunday breakfast".parse().expect("a name"),
        link: String::new(),
        locked: false,
        creator: false,
        keeps_history: true,
        me: LocalTile { id: MemberId::random(), name: name("Ana"), label: "Ana".to_owned() },
        members: Vec::new(),
        chat: Rc::default(),
        panel: None,
        on_stage: None,
        hidden: Vec::new(),
        sound_blocked: false,
        broker: BrokerLink::Up,
        remembered: true,
        can_share: false,
    })))
}

fn after(state: &State, actions: impl IntoIterator<Item = RoomAction>) -> State {
    actions.into_iter().fold(state.clone(), |state, action| state.reduce(action.into()))
}

fn room(state: &State) -> &Room {
    state.room().expect("the room's page")
}

fn member(id: MemberId, label: &str) -> Member {
    Member::new(id, label.to_owned(), &name("Bo"))
}

fn said(author: MemberId, own: bool, to: &[MemberId]) -> Said {
    let receipts = to.iter().map(|member| Receipt { member: *member, label: "Bo".to_owned(), received: false });
    said_at(1, author, own, receipts.collect())
}

fn said_at(at: u64, author: MemberId, own: bool, receipts: Vec<Receipt>) -> Said {
    let (place, label, text) = ((at, author, MessageId::random()), "Bo".to_owned(), "Hello".to_owned());
    Said { place, label, own, at, text, revision: Revision::None, receipts }
}

#[test]
fn what_is_known_of_a_member_outlasts_a_new_list() {
    let (bo, dee) = (MemberId::random(), MemberId::random());
    let state = after(
        &in_room(),
        [
            RoomAction::Members(vec![member(bo, "Bo")]),
            RoomAction::Health(bo, Health::Connected),
            RoomAction::Volume(bo, Sound::Voice, 150),
            RoomAction::Muted(bo, Sound::Screen, true),
            RoomAction::Members(vec![member(dee, "Bo"), member(bo, "Bo 2")]),
        ],
    );
    let bo = room(&state).member(bo).expect("Bo is here");
    assert_eq!((bo.label.as_str(), bo.health, bo.volume, bo.muted), ("Bo 2", Health::Connected, 150, false));
    assert!(bo.screen_muted);
    assert_eq!(room(&state).member(dee).map(|dee| dee.health), Some(Health::Connecting));
}

#[test]
fn volumes_end_at_two_hundred_percent() {
    let bo = MemberId::random();
    let louder = [Sound::Voice, Sound::Screen].map(|sound| RoomAction::Volume(bo, sound, u16::MAX));
    let state = after(&after(&in_room(), [RoomAction::Members(vec![member(bo, "Bo")])]), louder);
    let bo = room(&state).member(bo).expect("Bo is here");
    assert_eq!((bo.volume, bo.screen_volume), (200, 200));
}

#[test]
fn the_stage_is_given_up_when_who_was_on_it_goes_or_stops_sharing() {
    let bo = MemberId::random();
    let here = after(&in_room(), [RoomAction::Members(vec![member(bo, "Bo")])]);
    let shares = RoomAction::Sends(bo, Sends { screen: true, ..Sends::default() });
    let staged = |state: &State| room(state).on_stage;
    let screen = after(&here, [shares, RoomAction::OnStage(Some(TileId::Screen(bo)))]);
    assert_eq!(staged(&screen), Some(TileId::Screen(bo)));
    assert_eq!(staged(&after(&screen, [RoomAction::Sends(bo, Sends::default())])), None);
    let person = after(&here, [RoomAction::OnStage(Some(TileId::Person(bo)))]);
    assert_eq!(staged(&after(&person, [RoomAction::Sends(bo, Sends::default())])), Some(TileId::Person(bo)));
    assert_eq!(staged(&after(&person, [RoomAction::Members(Vec::new())])), None);
    let me = room(&here).me.id;
    let own = after(&here, [RoomAction::OnStage(Some(TileId::Screen(me))), RoomAction::Members(Vec::new())]);
    assert_eq!(staged(&own), Some(TileId::Screen(me)));
}

#[test]
fn what_the_hidden_say_is_kept_from_sight_until_they_are_shown_again() {
    let (bo, dee) = (MemberId::random(), MemberId::random());
    let line = |author| RoomAction::Line(Line::Said(Rc::new(said(author, false, &[]))));
    let here = after(&in_room(), [RoomAction::Members(vec![member(bo, "Bo"), member(dee, "Dee")]), line(bo)]);
    let hidden = after(&here, [RoomAction::Hidden(bo, true), line(bo), line(dee)]);
    let read = |state: &State| room(state).read_chat().lines.len();
    assert_eq!((read(&hidden), room(&hidden).chat.unread), (1, 2));
    // Nor once they went, or came back.
    let gone = after(&hidden, [RoomAction::Members(vec![member(dee, "Dee")])]);
    assert_eq!(read(&gone), 1);
    let back = after(&gone, [RoomAction::Members(vec![member(bo, "Bo"), member(dee, "Dee")])]);
    assert!(room(&back).member(bo).is_some_and(|bo| bo.hidden));
    assert_eq!(read(&after(&back, [RoomAction::Hidden(bo, false)])), 3);
}

#[test]
fn unread_messages_are_those_of_others_while_the_chat_is_closed() {
    let bo = MemberId::random();
    let line = |own| RoomAction::Line(Line::Said(Rc::new(said(bo, own, &[]))));
    let happened = RoomAction::Line(Line::Happened { serial: 1, place: 0, at: 0, text: "Bo joined".to_owned() });
    let unread = |state: &State| room(state).chat.unread;
    let closed = after(&in_room(), [line(false), line(true), happened, line(false)]);
    assert_eq!((unread(&closed), room(&closed).chat.lines.len()), (2, 4));
    let open = after(&closed, [RoomAction::TogglePanel(Panel::Chat), line(false)]);
    assert_eq!((unread(&open), room(&open).panel), (0, Some(Panel::Chat)));
    let shut = after(&open, [RoomAction::TogglePanel(Panel::Chat), line(false)]);
    assert_eq!((unread(&shut), room(&shut).panel), (1, None));
}

#[test]
fn a_receipt_counts_for_our_message_and_for_whom_it_was_meant() {
    let here = in_room();
    let (me, bo, dee) = (room(&here).me.id, MemberId::random(), MemberId::random());
    let (ours, theirs) = (said(me, true, &[bo]), said(bo, false, &[bo]));
    let (id, other) = (ours.id(), theirs.id());
    let lines = [ours, theirs].map(line);
    let state = after(&here, lines);
    let receipt = |member| Receipt { member, label: "Dee".to_owned(), received: true };
    let received = |state: &State, author, id| -> Vec<_> {
        let said = room(state).chat.said(author, id).expect("it is there");
        said.receipts.iter().map(|receipt| (receipt.member, receipt.received)).collect()
    };
    let state = after(&state, [RoomAction::Receipt(id, receipt(dee)), RoomAction::Receipt(other, receipt(bo))]);
    assert_eq!(received(&state, me, id), [(bo, false), (dee, true)], "who came later was told since");
    assert_eq!(received(&state, bo, other), [(bo, false)], "theirs is not ours");
    let state = after(&state, [RoomAction::Receipt(id, receipt(bo))]);
    assert_eq!(received(&state, me, id), [(bo, true), (dee, true)]);
}

#[test]
fn a_message_is_known_by_its_author_and_its_id() {
    let (bo, mal) = (MemberId::random(), MemberId::random());
    let message = said(bo, false, &[]);
    let id = message.id();
    let state = after(&in_room(), [line(message)]);
    assert!(room(&state).chat.said(bo, id).is_some(), "it is there");
    assert!(room(&state).chat.said(mal, id).is_none(), "whoever takes another's id suppresses nothing");
}

fn line(said: Said) -> RoomAction {
    RoomAction::Line(Line::Said(Rc::new(said)))
}

/// The log in a few words.
fn log(state: &State) -> Vec<String> {
    let words = |line: &Line| match line {
        Line::Said(said) => said.place.0.to_string() + &said.text,
        Line::Happened { text, .. } => text.clone(),
    };
    room(state).chat.lines.iter().map(words).collect()
}

#[test]
fn a_message_stands_in_its_place_whenever_it_comes() {
    let bo = MemberId::random();
    let at = |at| line(said_at(at, bo, false, Vec::new()));
    let happened =
        |place, text: &str| RoomAction::Line(Line::Happened { serial: 0, place, at: 9, text: text.to_owned() });
    let state =
        after(&in_room(), [happened(5, "joined"), at(7), at(3), happened(7, "left"), at(4), at(8), at(5), at(6)]);
    assert_eq!(log(&state), ["3Hello", "4Hello", "5Hello", "joined", "6Hello", "7Hello", "left", "8Hello"]);
}

#[test]
fn a_revision_takes_the_place_of_what_was_said_and_is_no_news() {
    let here = in_room();
    let (me, bo) = (room(&here).me.id, MemberId::random());
    let (ours, theirs) = (said_at(1, me, true, Vec::new()), said_at(2, bo, false, Vec::new()));
    let revised = |said: &Said, text: &str, revision| {
        line(Said { text: text.to_owned(), label: "Bob".to_owned(), revision, ..said.clone() })
    };
    let state = after(&here, [line(ours.clone()), line(theirs.clone()), RoomAction::Editing(Some(ours.id()))]);
    assert_eq!(room(&state).chat.edited().map(Said::id), Some(ours.id()));
    let edited = after(&state, [&ours, &theirs].map(|said| revised(said, "Hi", Revision::Edited)));
    assert_eq!((log(&edited), room(&edited).chat.unread), (vec!["1Hi".to_owned(), "2Hi".to_owned()], 1));
    assert_eq!(room(&edited).chat.said(bo, theirs.id()).map(|said| said.label.as_str()), Some("Bo"));
    let deleted = after(&edited, [&ours, &theirs].map(|said| revised(said, "", Revision::Deleted)));
    assert_eq!(log(&deleted), ["1Hi", "2"], "what we took back we may bring back; others' words are gone");
    assert_eq!((room(&deleted).chat.editing, room(&deleted).chat.latest_own()), (None, None));
}

#[test]
fn what_was_said_before_we_came_is_not_unread() {
    let bo = MemberId::random();
    let mut state = in_room();
    let Page::Room(room_page) = &mut state.page else { panic!("in a room") };
    room_page.chat = Rc::new(Chat { entered: 10, ..Chat::default() });
    let state = after(&state, [9, 11].map(|at| line(said_at(at, bo, false, Vec::new()))));
    assert_eq!(room(&state).chat.unread, 1);
}

#[test]
fn the_log_and_the_notices_are_bounded() {
    let line = |serial| RoomAction::Line(Line::Happened { serial, place: 0, at: 0, text: String::new() });
    let state = after(&in_room(), (0..1_500).map(line));
    let lines = &room(&state).chat.lines;
    assert_eq!(lines.len(), chat::MAX_LINES);
    assert!(matches!(lines.back(), Some(Line::Happened { serial: 1_499, .. })));
    let notice = |id: u32| Action::Notice(Notice { id, tone: Tone::News, text: id.to_string() });
    let state = (0..9).fold(state, |state, id| state.reduce(notice(id)));
    assert_eq!(state.notices.iter().map(|notice| notice.id).collect::<Vec<_>>(), [5, 6, 7, 8]);
    assert_eq!(state.reduce(Action::Dismiss(6)).notices.len(), 3);
    // What stands there already is said anew, not twice.
    let again = Action::Notice(Notice { id: 9, tone: Tone::News, text: "6".to_owned() });
    let ids: Vec<_> = state.reduce(again).notices.iter().map(|notice| notice.id).collect();
    assert_eq!(ids, [5, 7, 8, 9]);
}

#[test]
fn comings_and_goings_drive_no_words_out_of_the_log() {
    let said = Said { text: "Keep this".to_owned(), ..said_at(0, MemberId::random(), false, Vec::new()) };
    let line = |serial| RoomAction::Line(Line::Happened { serial, place: 0, at: 0, text: String::new() });
    let state =
        after(&in_room(), std::iter::once(RoomAction::Line(Line::Said(Rc::new(said)))).chain((0..2_000).map(line)));
    let lines = &room(&state).chat.lines;
    assert_eq!(lines.len(), chat::MAX_LINES);
    assert!(matches!(lines.front(), Some(Line::Said(said)) if said.text == "Keep this"));
}

#[test]
fn what_belongs_to_another_page_changes_nothing() {
    let home = state(Page::Home(Home::default()));
    let peeked = Action::Peeked { name: None, present: 3, locked: true, full: false, seated: false };
    for action in [Action::Joining, peeked, RoomAction::Locked(true).into(), Action::Remembered(true)] {
        assert!(home.reduce(action) == home);
    }
    let room = in_room();
    for action in [Action::NameRefused(Some("No.".to_owned())), Action::JoinRefused("No.".to_owned())] {
        assert!(room.reduce(action) == room);
    }
}

#[test]
fn the_lobby_keeps_a_name_that_a_look_did_not_bring_and_tells_why_joining_failed() {
    let lobby = |state: &State| match &state.page {
        Page::Lobby(lobby) => lobby.clone(),
        Page::Home(_) | Page::Room(_) | Page::Trouble(_) => panic!("another page"),
    };
    let before = state(Page::Lobby(Lobby {
        room: RoomKeys::derive(&RoomKey::random()).id(),
        name: Some("Breakfast".parse().expect("a name")),
        creating: false,
        inside: None,
        full: false,
        seated: true,
        joining: false,
        name_error: None,
        error: None,
        remember: true,
    }));
    let looked = before.reduce(Action::Peeked { name: None, present: 2, locked: true, full: false, seated: false });
    assert_eq!(lobby(&looked).name, lobby(&before).name);
    assert_eq!((lobby(&looked).inside, lobby(&looked).seated), (Some((2, true)), false));
    let refused = looked.reduce(Action::Joining).reduce(Action::JoinRefused("Full.".to_owned()));
    assert_eq!((lobby(&refused).joining, lobby(&refused).error), (false, Some("Full.".to_owned())));
    let again = lobby(&refused.reduce(Action::Joining));
    assert_eq!((again.joining, again.error), (true, None));
}

#[test]
fn a_speaker_that_is_gone_is_not_chosen() {
    let speaker = |id: &str| Device { id: id.to_owned(), label: id.to_owned() };
    let mut state = state(Page::Home(Home::default()));
    assert_eq!(state.speaker(), None);
    state.preferences.speaker = Some("headset".to_owned());
    assert_eq!(state.speaker(), None);
    state.devices.speakers = vec![speaker("screen"), speaker("headset")];
    assert_eq!(state.speaker().as_deref(), Some("headset"));
}

#[test]
fn another_page_than_at_first_is_a_newer_one() {
    let served = |page: &str| Action::Served(page.parse().expect("a hash"));
    let state = state(Page::Home(Home::default())).reduce(served("000000000000000a"));
    assert!(!state.update_ready && !state.reduce(served("000000000000000a")).update_ready);
    let state = state.reduce(served("000000000000000b"));
    assert!(state.update_ready && state.reduce(served("000000000000000a")).update_ready, "it stays");
}

#[test]
fn a_screen_s_sound_is_captured_with_the_screen() {
    let state = state(Page::Home(Home::default())).reduce(Action::Captured(Source::ScreenSound, Capture::Starting));
    assert_eq!(*state.local_capture(Source::Screen), Capture::Starting);
    assert_eq!(*state.local_capture(Source::Camera), Capture::Off);
}
