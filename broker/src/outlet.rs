//! A connection's stream as HTTP writes to it: it says whether it takes what is written, and completes what hyper says by itself.
//!
//! Who sends what is no HTTP, or has too large a header, is answered by hyper alone, in two bare lines and without a hook for ours. Such an
//! answer is known by when it is written. hyper reads no request before all of the answer to the last is sent: so what it writes while
//! nobody has asked us for anything since is its own, be it the first or the tenth over a connection. That gets here the headers that
//! all answers carry, and a sentence. To close without a word would be simpler, and leave a person with whatever their browser guesses.
//!
//! HTTP/2 is left alone. It answers bare in one case, a header larger than what it has told the other end to keep to: by a
//! status in a frame of its own, which no browser gets to see.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use hyper::header::STRICT_TRANSPORT_SECURITY;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use warp::http::{Method, StatusCode};

use crate::page;
use crate::unfinished::Unfinished;

/// A stream that HTTP is spoken over.
pub(crate) struct Outlet<S> {
    stream: S,
    unfinished: Unfinished,
    bare: Bare,
    /// How often something had been asked when the last answer was sent whole.
    answered: u32,
    /// What is still to be sent in place of what hyper said by itself, once it has.
    instead: Option<Bytes>,
}

/// What becomes of what hyper says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bare {
    /// Nothing: it is no text.
    Kept,
    /// It gets headers and a sentence.
    Completed {
        /// Whether it goes over TLS.
        is_secure: bool,
    },
}

impl<S> Outlet<S> {
    pub(crate) fn new(stream: S, unfinished: Unfinished, bare: Bare) -> Self {
        Self { stream, unfinished, bare, answered: 0, instead: None }
    }

    /// The stream itself, once HTTP is over.
    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    /// Takes what is written, if it is hyper's own.
    fn takes(&mut self, written: &[u8]) -> bool {
        let Bare::Completed { is_secure } = self.bare else { return false };
        let is_its_own = self.unfinished.asked() == self.answered;
        if is_its_own && self.instead.is_none() {
            self.instead = Some(complete(written, is_secure).into());
        }
        is_its_own
    }

    fn note<T>(&self, outcome: Poll<T>) -> Poll<T> {
        self.unfinished.hold_up(outcome.is_pending());
        outcome
    }
}

impl<S: AsyncWrite + Unpin> Outlet<S> {
    fn poll_everything(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.instead.as_mut().filter(|rest| rest.has_remaining()) {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => rest.advance(written),
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outlet<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Outlet<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.takes(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.note(outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        if this.takes(first) {
            return Poll::Ready(Ok(first.len()));
        }
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.note(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = this.poll_everything(cx);
        if outcome.is_ready() && this.unfinished.is_none() {
            this.answered = this.unfinished.asked();
        }
        this.note(outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// A bare answer with all that it lacks.
fn complete(bare: &[u8], is_secure: bool) -> Vec<u8> {
    let bare = String::from_utf8_lossy(bare);
    // After `HTTP/1.1`.
    let status = bare.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = page::text(status, advice(status), &Method::GET);
    answer.headers_mut().extend(page::headers_of_files());
    if is_secure {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, page::BY_TLS_ALONE);
    }
    let kept = bare.lines().filter(|line| !line.is_empty() && !line.starts_with("content-length:"));
    let mut whole: Vec<u8> = kept.flat_map(|line| [line, "\r\n"]).flat_map(str::bytes).collect();
    for (name, value) in answer.headers() {
        whole.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    whole.extend(b"\r\n");
    whole.extend_from_slice(answer.body());
    whole
}

/// What to do about it.
fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::URI_TOO_LONG => "This address is too long. Open the link as it was given to you.\n",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "The header of this request is too large. Delete the cookies that others have left under this name, and try again.\n"
        }
        _ => "This is no request as browsers make them. Open the link that you were given in a browser.\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    const ASKED: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    /// All that is said to who says this, over a line that takes so much at once.
    async fn heard(said: &str, line: usize, is_secure: bool) -> String {
        let (mut ours, theirs) = duplex(line);
        let serving = serve(theirs, is_secure);
        let hearing = async {
            let (mut reading, mut writing) = tokio::io::split(&mut ours);
            let mut heard = String::new();
            // It need not hear all of it.
            let (heard_all, _) = tokio::join!(reading.read_to_string(&mut heard), writing.write_all(said.as_bytes()));
            heard_all.expect("text");
            heard
        };
        tokio::join!(serving, hearing).1
    }

    async fn serve(stream: DuplexStream, is_secure: bool) {
        let unfinished = Unfinished::default();
        let outlet = Outlet::new(stream, unfinished.clone(), Bare::Completed { is_secure });
        let service = service_fn(async |_: Request<Incoming>| {
            let answering = unfinished.begin();
            // It may take a while.
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Response::new(answering.with("asked for".to_owned())))
        });
        let _ = http1::Builder::new().max_buf_size(8192).serve_connection(TokioIo::new(outlet), service).await;
    }

    #[tokio::test]
    async fn what_hyper_says_by_itself_goes_out_complete_whatever_went_before_it() {
        let large = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(32 * 1024));
        for (bad, status) in [("?\r\n\r\n", "400 Bad Request"), (&large, "431 Request Header Fields Too Large")] {
            for (before, line) in [(0, 65536), (1, 65536), (3, 65536), (0, 7), (2, 7)] {
                let heard = heard(&(ASKED.repeat(before) + bad), line, false).await;
                let (ours, own) = heard.split_at(heard.rfind("HTTP/1.1 ").expect("an answer"));
                assert_eq!(ours.matches("asked for").count(), before, "{heard}");
                assert!(!ours.contains("content-security-policy"), "{heard}");
                let (head, body) = own.split_once("\r\n\r\n").expect("a head");
                assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{heard}");
                for (name, value) in page::headers_of_files() {
                    assert!(
                        head.contains(&format!("\r\n{name}: {}", value.to_str().expect("ASCII"))),
                        "{name}: {head}"
                    );
                }
                assert_eq!(head.matches("content-length: ").count(), 1, "{head}");
                assert!(
                    head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())) && body.ends_with(".\n"),
                    "{own}"
                );
                assert!(head.contains("\r\nconnection: close\r\n") && head.contains("\r\ndate: "), "{head}");
                assert!(!head.contains("strict-transport-security"), "{head}");
            }
        }
    }

    #[tokio::test]
    async fn over_tls_it_says_that_only_tls_will_do() {
        assert!(heard("?\r\n\r\n", 65536, true).await.contains("\r\nstrict-transport-security: max-age="));
    }

    #[tokio::test]
    async fn answers_that_were_asked_for_go_out_as_they_are() {
        let last = ASKED.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let heard = heard(&(ASKED.repeat(2) + &last), 7, false).await;
        assert_eq!(
            (heard.matches("HTTP/1.1 200 OK\r\n").count(), heard.matches("asked for").count()),
            (3, 3),
            "{heard}"
        );
    }
}
