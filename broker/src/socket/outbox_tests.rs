//! [`Outbox`], filled and emptied by hand.

use std::task::Waker;

use klatch_shared::MemberId;

use super::*;

const EVE: ConnectionId = ConnectionId(7);
const BEN: ConnectionId = ConnectionId(8);
/// What waits for nothing.
const NOW: Ticket = Ticket::NONE;

fn outbox(limits: &Limits) -> Outbox {
    Outbox::new(limits, &Backlog::new(limits), &Arc::default())
}

fn take(outbox: &Outbox) -> Option<Frame> {
    match outbox.poll_take(false, &Context::from_waker(Waker::noop())) {
        Poll::Ready(Taken::Frame(frame)) => Some(frame),
        Poll::Ready(Taken::Closing(_)) | Poll::Pending => None,
    }
}

fn frame(bytes: usize) -> Frame {
    text_frame("x".repeat(bytes))
}

fn member(number: u8) -> MemberId {
    MemberId::from_random_bytes([number; 16])
}

fn fill(outbox: &Outbox, from: ConnectionId, bytes: usize) -> usize {
    (0..)
        .take_while(|_| {
            outbox.takes(from, bytes) && {
                outbox.push_signal(from, frame(bytes));
                true
            }
        })
        .count()
}

fn is_open(outbox: &Outbox) -> bool {
    outbox.lock().closing.is_none()
}

fn news(outbox: &Outbox) -> Vec<News> {
    let queue = outbox.lock();
    let news = queue.waiting.iter().filter_map(|waiting| match waiting.matter {
        Matter::News(news) => Some(news),
        Matter::Answer(_) | Matter::Beat | Matter::Signal(_) => None,
    });
    news.collect()
}

/// One that is long, by its own answers.
fn long() -> Outbox {
    let outbox = outbox(&Limits::default());
    (0..LONG).for_each(|_| outbox.push(frame(1)));
    outbox
}

#[test]
fn one_sender_has_a_share_and_all_together_half_and_nobody_is_closed_for_it() {
    let limits = Limits { queue_frames: 80, queue_bytes: 1 << 20, ..Limits::default() };
    let outbox = outbox(&limits);
    assert_eq!(fill(&outbox, EVE, 100), 10);
    assert_eq!(fill(&outbox, BEN, 100), 10, "another sender has a share of its own");
    assert_eq!((9..99).map(|other| fill(&outbox, ConnectionId(other), 100)).sum::<usize>(), 20);
    (0..80).for_each(|_| outbox.push(frame(100)));
    assert!(is_open(&outbox), "answers have room of their own");
    take(&outbox).expect("an answer");
    assert_eq!(fill(&outbox, EVE, 100), 1);
}

#[test]
fn a_share_is_of_bytes_too_and_the_largest_frame_always_passes() {
    let limits = Limits { queue_bytes: 1 << 17, ..Limits::default() };
    let outbox = outbox(&limits);
    assert!(outbox.takes(EVE, klatch_shared::limits::MAX_FRAME_BYTES), "alone");
    assert_eq!(fill(&outbox, EVE, 40_000), 1);
    assert_eq!(fill(&outbox, BEN, 10_000), 1);
    assert!(!outbox.takes(BEN, 10_000) && outbox.takes(BEN, 100));
}

#[test]
fn answers_that_are_not_taken_condemn() {
    let outbox = outbox(&Limits { queue_frames: 8, ..Limits::default() });
    (0..8).for_each(|_| outbox.push(frame(1)));
    assert!(is_open(&outbox));
    outbox.push(frame(1));
    assert_eq!(outbox.lock().closing, Some((CloseCode::TooSlow, NOW)));
    assert_eq!(outbox.held(), 0);
}

#[test]
fn a_queue_that_is_not_long_tells_everything() {
    let outbox = outbox(&Limits::default());
    let told = [News::Joined(member(1)), News::Absent(member(1)), News::Back(member(1)), News::Forgotten(member(1))];
    told.iter().for_each(|told| outbox.push_news(*told, NOW, frame(1)));
    assert_eq!(news(&outbox), told);
}

#[test]
fn however_often_somebody_comes_goes_renames_or_locks_a_long_queue_stays_as_it_is() {
    let outbox = long();
    outbox.push_news(News::Joined(member(1)), NOW, frame(1400));
    for _ in 0..10_000 {
        for told in [News::Card(member(1)), News::Absent(member(1)), News::Back(member(1)), News::Locked] {
            outbox.push_news(told, NOW, frame(1400));
        }
    }
    assert_eq!(news(&outbox), [News::Joined(member(1)), News::Back(member(1)), News::Locked]);
    outbox.push_news(News::Card(member(1)), NOW, frame(1400));
    outbox.push_news(News::Absent(member(1)), NOW, frame(100));
    assert_eq!(
        news(&outbox)[1..],
        [News::Back(member(1)), News::Locked, News::Card(member(1)), News::Absent(member(1))]
    );
    assert!(is_open(&outbox));
}

#[test]
fn seats_that_come_and_go_unheard_leave_nothing_and_those_that_were_known_their_end() {
    let outbox = long();
    for number in 0..200 {
        outbox.push_news(News::Joined(member(number)), NOW, frame(1400));
        outbox.push_news(News::Absent(member(number)), NOW, frame(100));
        outbox.push_news(News::Forgotten(member(number)), NOW, frame(100));
    }
    outbox.push_news(News::Card(member(250)), NOW, frame(1400));
    outbox.push_news(News::Forgotten(member(250)), NOW, frame(100));
    assert_eq!(news(&outbox), [News::Forgotten(member(250))]);
    assert_eq!(outbox.held(), outbox.lock().waiting.iter().map(|waiting| waiting.frame.len()).sum::<usize>());
}

#[test]
fn an_answer_that_tells_all_of_a_room_makes_the_news_before_it_superfluous() {
    let outbox = outbox(&Limits::default());
    outbox.push_news(News::Joined(member(1)), NOW, frame(1));
    outbox.push_signal(EVE, frame(1));
    outbox.push_room(1, NOW, frame(1));
    outbox.push_news(News::Absent(member(1)), NOW, frame(1));
    assert_eq!(news(&outbox), [News::Absent(member(1))]);
    assert_eq!(outbox.lock().waiting.len(), 3);
}

#[test]
fn what_waits_anywhere_is_counted_until_it_is_written_or_given_up() {
    let limits = Limits { backlog_bytes: 10_000, ..Limits::default() };
    let backlog = Backlog::new(&limits);
    let [one, other, third] = [(); 3].map(|()| Outbox::new(&limits, &backlog, &Arc::default()));
    one.push(frame(4000));
    other.push_signal(EVE, frame(4000));
    third.push_news(News::Locked, NOW, frame(1900));
    assert!(third.takes(EVE, 1000), "what is too much is for whoever holds most of it to give up");
    let before = backlog.bytes();
    assert!(take(&one).is_some() && backlog.bytes() == before, "it may not be written yet");
    let context = Context::from_waker(Waker::noop());
    assert!(one.poll_take(true, &context).is_pending() && backlog.bytes() < before - 3999);
    one.push(frame(9000));
    assert!(backlog.is_over());
    one.condemn();
    assert!(!backlog.is_over());
    drop((one, other));
    third.push_room(1, NOW, frame(1));
    drop(third);
    assert_eq!(backlog.bytes(), 0);
}

/// One whose frames may have to wait for commits, and those; three frames are queued, the second waits.
fn waiting() -> (Outbox, Arc<Commits>, Ticket) {
    let (limits, commits) = (Limits::default(), Arc::<Commits>::default());
    let outbox = Outbox::new(&limits, &Backlog::new(&limits), &commits);
    let first = Ticket::NONE.next();
    outbox.push(frame(1));
    outbox.push_answer(Some(2), first, frame(2));
    outbox.push_signal(EVE, frame(3));
    (outbox, commits, first)
}

#[test]
fn what_waits_for_a_commit_holds_back_what_is_behind_it_and_the_end() {
    let (outbox, commits, first) = waiting();
    outbox.close_after(CloseCode::Ended, first.next());
    let next = || take(&outbox).map(|frame| frame.payload().len());
    assert_eq!((next(), next()), (Some(1), None));
    commits.advance(first);
    assert_eq!((next(), next(), next()), (Some(2), Some(3), None));
    let poll = || outbox.poll_take(false, &Context::from_waker(Waker::noop()));
    assert!(poll().is_pending(), "nobody is told of an end that may be lost");
    commits.advance(first.next());
    assert!(matches!(poll(), Poll::Ready(Taken::Closing(CloseCode::Ended))));
}

#[test]
fn pings_and_the_answers_to_them_pass_what_waits_for_a_commit_and_nothing_else() {
    let (outbox, commits, first) = waiting();
    [4, 5].into_iter().for_each(|bytes| outbox.push_beat(frame(bytes)));
    outbox.push_answer(Some(6), NOW, frame(6));
    let next = || take(&outbox).map(|frame| frame.payload().len());
    assert_eq!([next(), next(), next(), next()], [Some(1), Some(4), Some(5), None]);
    outbox.push_beat(frame(7));
    commits.advance(first);
    assert_eq!([next(), next(), next(), next(), next()], [Some(2), Some(3), Some(6), Some(7), None]);
}

#[test]
fn pings_that_are_not_taken_condemn_as_answers_do() {
    let outbox = outbox(&Limits { queue_frames: 8, ..Limits::default() });
    outbox.push_answer(Some(1), NOW.next(), frame(1));
    (0..7).for_each(|_| outbox.push_beat(frame(1)));
    assert!(is_open(&outbox) && take(&outbox).is_some());
    outbox.push_beat(frame(1));
    assert!(is_open(&outbox));
    outbox.push_beat(frame(1));
    assert!(!is_open(&outbox));
}

#[test]
fn what_waits_for_a_commit_that_never_is_made_is_taken_back_and_the_rest_is_sent() {
    let (outbox, _commits, first) = waiting();
    outbox.push_news(News::Locked, first, frame(9));
    outbox.close_after(CloseCode::Ended, first);
    outbox.retract();
    assert_eq!(outbox.held(), outbox.lock().waiting.iter().map(|waiting| waiting.frame.len()).sum::<usize>());
    let next = || take(&outbox).map(|frame| String::from_utf8_lossy(frame.payload()).into_owned());
    assert_eq!(next().as_deref(), Some("x"));
    let refused = next().expect("an answer");
    assert!(refused.contains("\"id\":2") && refused.contains("shutting-down"), "{refused}");
    assert_eq!((next().as_deref(), next()), (Some("xxx"), None));
    assert_eq!(outbox.lock().closing, Some((CloseCode::Restarting, NOW)));
}
