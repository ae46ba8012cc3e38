//! The reducer, action by action.

use std::rc::Rc;

use klatch_mesh::Health;
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::peer::{Sends, Source};
use klatch_shared::{MemberId, RoomKey, RoomKeys, Username};

use super::*;

mod of_chat;

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
        host: Rc::default(),
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
        loudness: Vec::new(),
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
    assert_eq!(
        (bo.label.as_str(), bo.health, bo.loudness.volume, bo.loudness.muted),
        ("Bo 2", Health::Connected, 150, false)
    );
    assert!(bo.loudness.screen_muted);
    assert_eq!(room(&state).member(dee).map(|dee| dee.health), Some(Health::Connecting));
}

#[test]
fn volumes_end_at_two_hundred_percent() {
    let bo = MemberId::random();
    let louder = [Sound::Voice, Sound::Screen].map(|sound| RoomAction::Volume(bo, sound, u16::MAX));
    let state = after(&after(&in_room(), [RoomAction::Members(vec![member(bo, "Bo")])]), louder);
    let bo = room(&state).member(bo).expect("Bo is here");
    assert_eq!((bo.loudness.volume, bo.loudness.screen_volume), (200, 200));
}

#[test]
fn who_comes_back_is_as_loud_as_they_were_to_be() {
    let bo = MemberId::random();
    let came = || RoomAction::Members(vec![member(bo, "Bo")]);
    let went = || RoomAction::Members(Vec::new());
    let loudness = |state: &State| room(state).member(bo).map(|bo| bo.loudness);
    let set = [
        came(),
        RoomAction::Muted(bo, Sound::Voice, true),
        RoomAction::Volume(bo, Sound::Voice, 30),
        RoomAction::Volume(bo, Sound::Screen, 150),
        RoomAction::Muted(bo, Sound::Screen, true),
    ];
    let back = after(&in_room(), set.into_iter().chain([went(), went(), came()]));
    let kept = Loudness { volume: 30, muted: true, screen_volume: 150, screen_muted: true };
    assert_eq!(loudness(&back), Some(kept));
    // What was set last counts, also where it is as for everybody.
    let reset = [
        RoomAction::Muted(bo, Sound::Voice, false),
        RoomAction::Volume(bo, Sound::Voice, 100),
        RoomAction::Volume(bo, Sound::Screen, 100),
        RoomAction::Muted(bo, Sound::Screen, false),
    ];
    let again = after(&back, reset.into_iter().chain([went(), came()]));
    assert_eq!(loudness(&again), Some(Loudness::default()));
}

#[test]
fn of_those_who_went_the_loudness_of_as_many_is_kept_as_there_are_seats() {
    let passes = |state: &State, id: MemberId| {
        let muted = RoomAction::Muted(id, Sound::Voice, true);
        after(state, [RoomAction::Members(vec![member(id, "Bo")]), muted, RoomAction::Members(Vec::new())])
    };
    let many: Vec<MemberId> = (0..MAX_SEATS + 1).map(|_| MemberId::random()).collect();
    let state = many.iter().fold(in_room(), |state, id| passes(&state, *id));
    assert_eq!(room(&state).loudness.len(), MAX_SEATS);
    let back = after(&state, [RoomAction::Members(many.iter().map(|id| member(*id, "Bo")).collect())]);
    let muted: Vec<bool> = room(&back).members.iter().map(|member| member.loudness.muted).collect();
    assert!(!muted[0] && muted[1..].iter().all(|muted| *muted), "the earliest goes first");
    // Who passes through without being set to anything takes nobody's place.
    let strangers = (0..MAX_SEATS).map(|_| RoomAction::Members(vec![member(MemberId::random(), "Bo")]));
    assert_eq!(room(&after(&state, strangers)).loudness, room(&state).loudness);
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

#[test]
fn a_host_is_linked_to_by_addresses_on_the_web_alone() {
    let hello = |url: &str| Hello {
        nonce: klatch_shared::Nonce::random(),
        version: String::new(),
        max_members: 12,
        max_frame_bytes: 1,
        public_url: None,
        client: None,
        imprint: Some(url.to_owned()),
        privacy: Some("https://klatch.example/privacy".to_owned()),
        host_code: Some(true),
    };
    for (url, is_link) in [
        ("https://klatch.example/imprint", true),
        ("http://klatch.example", true),
        ("javascript:alert(1)", false),
        ("httpsx://a", false),
        ("//klatch.example", false),
        ("", false),
    ] {
        let state = state(Page::Home(Home::default())).reduce(Action::Hosted(Host::of(&hello(url))));
        assert_eq!(state.host.imprint.as_deref(), is_link.then_some(url), "{url}");
        assert!(state.host.privacy.is_some() && state.host.wants_code);
    }
    assert!(!Host::of(&Hello { host_code: None, ..hello("") }).wants_code);
}

#[test]
fn what_was_typed_stays_where_a_code_is_refused() {
    let home = state(Page::Home(Home::default())).reduce(Action::Code("wrong".to_owned()));
    let Page::Home(home) = home.reduce(Action::CodeRefused("No.".to_owned())).page else { panic!("home") };
    assert_eq!((&*home.code, home.code_error.as_deref()), ("wrong", Some("No.")));
    let elsewhere = in_room();
    assert!(elsewhere.reduce(Action::Code("late".to_owned())) == elsewhere);
}
