//! Which answers over one connection of HTTP are still on their way: a connection that is quiet may not end before them, and one that has
//! none is not waited for when the server stops.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Buf;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::watch;
use tokio::time::sleep;

/// Answers over one connection that are not sent whole. Each who looks after the connection has a copy.
#[derive(Clone, Default)]
pub(crate) struct Unfinished(Arc<Book>);

#[derive(Default)]
struct Book {
    /// Each answer listens for as long as it is not sent whole.
    answers: watch::Sender<()>,
    /// How often something was asked.
    asked: AtomicU32,
    /// The stream takes no more for now.
    is_held_up: AtomicBool,
    /// How often something was taken of what waited.
    taken: AtomicU32,
}

/// One of the answers, unfinished until it is dropped.
#[derive(Clone)]
pub(crate) struct Answering {
    _listens: watch::Receiver<()>,
    book: Arc<Book>,
}

impl Unfinished {
    /// Notes that something was asked.
    pub(crate) fn begin(&self) -> Answering {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        Answering { _listens: self.0.answers.subscribe(), book: Arc::clone(&self.0) }
    }

    /// How often something was asked.
    pub(crate) fn asked(&self) -> u32 {
        self.0.asked.load(Ordering::Relaxed)
    }

    /// Notes whether what is written has to wait.
    pub(crate) fn hold_up(&self, is_held_up: bool) {
        let was_held_up = self.0.is_held_up.swap(is_held_up, Ordering::Relaxed);
        // Of answers their pieces tell it: HTTP/2 has more to write than these.
        if was_held_up && !is_held_up && self.is_none() {
            self.0.taken.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        self.0.answers.is_closed()
    }

    /// Waits until there is none, and nothing that was written waits. For the task that looks after the connection, each time after it
    /// has done so: then alone the stream can take more.
    pub(crate) async fn until_sent(&self) {
        self.0.answers.closed().await;
        poll_fn(|_| if self.0.is_held_up.load(Ordering::Relaxed) { Poll::Pending } else { Poll::Ready(()) }).await;
    }

    /// Waits until nothing has been asked for so long.
    pub(crate) async fn until_quiet(&self, idle: Duration) {
        let mut before = None;
        loop {
            let now = self.asked();
            if before == Some(now) {
                return;
            }
            before = Some(now);
            sleep(idle).await;
        }
    }

    /// Waits until there was something to take for so long, and nothing was taken.
    pub(crate) async fn until_stalled(&self, patience: Duration) {
        let mut before = None;
        loop {
            let is_waiting = !self.is_none() || self.0.is_held_up.load(Ordering::Relaxed);
            let now = is_waiting.then(|| self.0.taken.load(Ordering::Relaxed));
            if now.is_some() && now == before {
                return;
            }
            before = now;
            sleep(patience).await;
        }
    }

    /// Waits until there has been none for so long.
    pub(crate) async fn until_none(&self, idle: Duration) {
        loop {
            let was_none = self.is_none();
            sleep(idle).await;
            if was_none && self.is_none() {
                return;
            }
        }
    }
}

impl Answering {
    /// An answer that counts until all of it is taken.
    pub(crate) fn with<B: Body>(self, body: B) -> impl Body<Data = Held<B::Data>, Error = B::Error> {
        body.map_frame(move |frame| frame.map_data(|data| Held { data, answering: self.clone() }))
    }
}

/// A piece of an answer, which is there until the stream has taken all of it: hyper lets go of a body long before.
pub(crate) struct Held<D> {
    data: D,
    answering: Answering,
}

impl<D: Buf> Buf for Held<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.answering.book.taken.fetch_add(u32::from(count > 0), Ordering::Relaxed);
        self.data.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_waited_for_until_all_of_it_is_taken() {
        let (unfinished, idle) = (Unfinished::default(), Duration::from_secs(15));
        let is_done = async || {
            let in_time = idle * 20;
            let done = timeout(in_time, unfinished.until_none(idle)).await.is_ok();
            assert_eq!(done, timeout(in_time, unfinished.until_sent()).await.is_ok());
            done
        };
        assert!(is_done().await, "nothing was asked");
        let mut body = Box::pin(unfinished.begin().with("answer".to_owned()));
        assert!(!is_done().await, "nobody has asked for its pieces yet");
        let mut piece = body.frame().await.expect("a piece").expect("no error").into_data().ok().expect("data");
        drop(body);
        piece.advance(3);
        assert_eq!((piece.chunk(), piece.remaining()), (&b"wer"[..], 3));
        assert!(!is_done().await, "the line is slow");
        drop(piece);
        assert!(is_done().await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_stream_does_not_take_is_not_sent() {
        let unfinished = Unfinished::default();
        let is_sent = async || timeout(Duration::from_secs(300), unfinished.until_sent()).await.is_ok();
        unfinished.hold_up(true);
        assert!(!is_sent().await);
        unfinished.hold_up(false);
        assert!(is_sent().await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_something_from_time_to_time_is_waited_for_and_who_takes_nothing_is_not() {
        let (unfinished, patience) = (Unfinished::default(), Duration::from_secs(15));
        let is_stalled = async || timeout(patience * 3, unfinished.until_stalled(patience)).await.is_ok();
        assert!(!is_stalled().await, "there is nothing to take");
        let mut body = Box::pin(unfinished.begin().with("a long answer".to_owned()));
        assert!(is_stalled().await, "nobody asks for its pieces");
        let mut piece = body.frame().await.expect("a piece").expect("no error").into_data().ok().expect("data");
        drop(body);
        let taking = async {
            for _ in 0..9 {
                sleep(patience / 2).await;
                piece.advance(1);
                unfinished.hold_up(true);
            }
        };
        tokio::select! {
            () = taking => {}
            () = unfinished.until_stalled(patience) => panic!("it goes on, if slowly"),
        }
        let chatting = async {
            for turn in 0.. {
                sleep(patience / 2).await;
                unfinished.hold_up(turn % 2 == 0);
            }
        };
        tokio::select! {
            () = chatting => {}
            () = unfinished.until_stalled(patience) => {}
        }
        drop(piece);
        unfinished.hold_up(false);
        assert!(!is_stalled().await, "all is taken");
        unfinished.hold_up(true);
        assert!(is_stalled().await, "what nobody asked for is taken by nobody");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_quiet_once_nothing_was_asked_for_a_while() {
        let (unfinished, idle) = (Unfinished::default(), Duration::from_secs(15));
        let asking = async {
            for _ in 0..9 {
                drop(unfinished.begin());
                sleep(idle / 2).await;
            }
            std::future::pending::<()>().await;
        };
        let since = tokio::time::Instant::now();
        tokio::select! {
            () = asking => {}
            () = unfinished.until_quiet(idle) => {}
        }
        assert!(since.elapsed() >= idle * 5 && since.elapsed() <= idle * 7, "{:?}", since.elapsed());
    }
}
