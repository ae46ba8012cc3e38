//! The chat's part of the reducer.

use klatch_shared::MessageId;

use super::*;

fn said(author: MemberId, own: bool, to: &[MemberId]) -> Said {
    let receipts = to.iter().map(|member| Receipt { member: *member, label: "Bo".to_owned(), received: false });
    said_at(1, author, own, receipts.collect())
}

fn said_at(at: u64, author: MemberId, own: bool, receipts: Vec<Receipt>) -> Said {
    let (place, label, text) = ((at, author, MessageId::random()), "Bo".to_owned(), "Hello".to_owned());
    Said { place, label, own, at, text, revision: Revision::None, receipts, left: 0, is_news: true, is_kept: true }
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
fn a_receipt_of_a_seat_that_was_released_is_but_counted() {
    let here = in_room();
    let (me, bo, dee) = (room(&here).me.id, MemberId::random(), MemberId::random());
    let ours = said(me, true, &[bo]);
    let id = ours.id();
    let come_and_go = (0..100).map(|_| MemberId::random()).flat_map(|member| {
        let receipt = Receipt { member, label: "Guest".to_owned(), received: true };
        [RoomAction::Receipt(id, receipt), RoomAction::Released(member)]
    });
    let state = after(&here, [line(ours), RoomAction::Released(bo)].into_iter().chain(come_and_go));
    let receipt = Receipt { member: dee, label: "Dee".to_owned(), received: true };
    let state = after(&state, [RoomAction::Receipt(id, receipt)]);
    let said = room(&state).chat.own(id).expect("it is there");
    let receipts: Vec<_> = said.receipts.iter().map(|receipt| (receipt.member, receipt.received)).collect();
    assert_eq!((receipts, said.left), (vec![(bo, false), (dee, true)], 100), "Bo never received it");
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
fn a_revision_of_another_time_stands_there() {
    let bo = MemberId::random();
    let [first, second] = [1, 2].map(|at| said_at(at, bo, false, Vec::new()));
    let place = (3, bo, first.id());
    let moved = Said { place, text: "Hi".to_owned(), revision: Revision::Edited, ..first.clone() };
    assert_eq!(log(&after(&in_room(), [first, second, moved].map(line))), ["2Hello", "3Hi"]);
}

#[test]
fn a_revision_of_ours_is_to_be_received_anew() {
    let here = in_room();
    let (me, bo) = (room(&here).me.id, MemberId::random());
    let ours = said(me, true, &[bo]);
    let receipt = Receipt { member: bo, label: "Bo".to_owned(), received: true };
    let edited = Said { revision: Revision::Edited, ..ours.clone() };
    let state = after(&here, [line(ours.clone()), RoomAction::Receipt(ours.id(), receipt), line(edited)]);
    assert!(room(&state).chat.said(me, ours.id()).is_some_and(|said| !said.receipts[0].received));
}

#[test]
fn what_is_kept_no_longer_is_not_edited_any_more() {
    let here = in_room();
    let me = room(&here).me.id;
    let ours = said_at(1, me, true, Vec::new());
    let editing = after(&here, [line(ours.clone()), RoomAction::Editing(Some(ours.id()))]);
    let state = after(&editing, [RoomAction::LetGo(me, ours.id())]);
    assert_eq!((room(&state).chat.editing, room(&state).chat.latest_own()), (None, None));
    assert!(room(&state).chat.said(me, ours.id()).is_some_and(|said| !said.is_kept));
}

#[test]
fn what_another_said_goes_once_it_is_kept_no_longer() {
    let bo = MemberId::random();
    let [first, second] = [1, 2].map(|at| said_at(at, bo, false, Vec::new()));
    let here = after(&in_room(), [&first, &second].map(|said| line(said.clone())));
    assert_eq!(log(&after(&here, [RoomAction::LetGo(bo, first.id())])), ["2Hello"]);
    assert_eq!(log(&after(&here, [RoomAction::LetGo(bo, MessageId::random())])).len(), 2);
}

#[test]
fn what_was_said_before_we_came_is_not_unread() {
    let bo = MemberId::random();
    let said = |is_news| line(Said { is_news, ..said_at(1, bo, false, Vec::new()) });
    let state = after(&in_room(), [false, true].map(said));
    assert_eq!(room(&state).chat.unread, 1);
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
