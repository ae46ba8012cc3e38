//! Which answers over one connection of HTTP/2 are still on their way: a connection that is quiet may not end before them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::time::sleep;

/// Answers over one connection that are not sent whole. Each has a copy.
#[derive(Clone, Default)]
pub(crate) struct Unfinished(Arc<()>);

impl Unfinished {
    /// An answer that counts until all of it is taken.
    pub(crate) fn until_sent<B: Body>(self, body: B) -> impl Body<Data = Held<B::Data>, Error = B::Error> {
        body.map_frame(move |frame| frame.map_data(|data| Held { data, _answer: self.clone() }))
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

    /// Whether there are no copies but the connection's and its service's.
    fn is_none(&self) -> bool {
        Arc::strong_count(&self.0) <= 2
    }
}

/// A piece of an answer, which is there until the stream has taken all of it: hyper lets go of a body long before.
pub(crate) struct Held<D> {
    data: D,
    _answer: Unfinished,
}

impl<D: Buf> Buf for Held<D> {
    fn remaining(&self) -> usize {
        self.data.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.data.chunk()
    }

    fn advance(&mut self, count: usize) {
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
        let service = unfinished.clone();
        let is_done = async || timeout(idle * 20, unfinished.until_none(idle)).await.is_ok();
        let mut body = Box::pin(service.clone().until_sent("answer".to_owned()));
        assert!(!is_done().await, "nobody has asked for its pieces yet");
        let mut piece = body.frame().await.expect("a piece").expect("no error").into_data().ok().expect("data");
        drop(body);
        piece.advance(3);
        assert_eq!((piece.chunk(), piece.remaining()), (&b"wer"[..], 3));
        assert!(!is_done().await, "the line is slow");
        drop(piece);
        assert!(is_done().await);
        drop(service);
    }
}
