//! How long one connection of HTTP is looked after: until it is quiet, first of requests and then of answers, has lasted long enough, or
//! the server stops. What is being answered is still sent, unless nothing of it is taken.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::limits::Limits;
use crate::unfinished::Unfinished;

/// How long connections may take to end when the server stops.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Stays with a connection to its end. `quiet` and `answered` wait until nothing was asked for a while, and nothing answered.
pub(crate) async fn attend<C: Future>(
    mut serving: Pin<&mut C>,
    wind_up: impl Fn(Pin<&mut C>),
    unfinished: &Unfinished,
    limits: &Limits,
    (quiet, answered): (impl Future<Output = ()>, impl Future<Output = ()>),
    mut watching: watch::Receiver<()>,
) {
    tokio::select! {
        () = until_its_end(serving.as_mut(), &wind_up, limits, (quiet, answered)) => return,
        () = unfinished.until_stalled(Duration::from_secs(limits.stalled_seconds.into())) => return,
        _ = watching.changed() => {}
    }
    wind_up(serving.as_mut());
    // Whoever has begun a request and not ended it, or does not answer a farewell, is owed nothing.
    let sent = async {
        tokio::select! {
            biased;
            _ = serving => {}
            () = unfinished.until_sent() => {}
        }
    };
    let _ = timeout(STOP_PATIENCE, sent).await;
}

async fn until_its_end<C: Future>(
    mut serving: Pin<&mut C>,
    wind_up: impl Fn(Pin<&mut C>),
    limits: &Limits,
    (quiet, answered): (impl Future<Output = ()>, impl Future<Output = ()>),
) {
    let end = Instant::now() + Duration::from_secs(limits.http_seconds.into());
    tokio::select! {
        _ = serving.as_mut() => return,
        () = sleep_until(end) => {}
        () = quiet => {
            wind_up(serving.as_mut());
            // Over a slow line an answer may take its time. Without one, the end is for whoever keeps to the protocol.
            tokio::select! {
                _ = serving.as_mut() => return,
                () = sleep_until(end) => {}
                () = answered => {}
            }
        }
    }
    wind_up(serving.as_mut());
    let _ = timeout(STOP_PATIENCE, serving).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::pending;
    use std::pin::pin;

    use hyper::body::Incoming;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::sleep;

    use crate::outlet::{Bare, Outlet};

    const ASKED: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    /// More than the line takes at once, and than hyper does.
    const ANSWER_BYTES: usize = 1024 * 1024;

    async fn serve(stream: DuplexStream, watching: watch::Receiver<()>) {
        let unfinished = Unfinished::default();
        let service = service_fn(async |_: Request<Incoming>| {
            Ok::<_, Infallible>(Response::new(unfinished.begin().with("x".repeat(ANSWER_BYTES))))
        });
        let outlet = Outlet::new(stream, unfinished.clone(), Bare::Completed { is_secure: false });
        let serving = http1::Builder::new().serve_connection(TokioIo::new(outlet), service);
        let wind_up = |serving: Pin<&mut http1::Connection<_, _>>| serving.graceful_shutdown();
        let never = (pending(), pending());
        attend(pin!(serving), wind_up, &unfinished, &Limits::default(), never, watching).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_is_not_waited_for_long_and_one_that_is_read_slowly_is() {
        let ((mut ours, theirs), (_running, watching)) = (duplex(4096), watch::channel(()));
        ours.write_all(ASKED).await.expect("it fits");
        let (mut serving, since) = (pin!(serve(theirs, watching)), Instant::now());
        let patience = Duration::from_secs(Limits::default().stalled_seconds.into());
        let reading = async {
            for _ in 0..8 {
                sleep(patience / 2).await;
                ours.read_exact(&mut [0; 100]).await.expect("more of it");
            }
        };
        tokio::select! {
            () = serving.as_mut() => panic!("it goes on, if slowly"),
            () = reading => {}
        }
        serving.await;
        let lasted = since.elapsed() - patience * 4;
        assert!(lasted > patience / 2 && lasted <= patience * 2, "{lasted:?}");
    }

    /// How long a connection lasts after the server was told to stop, if that was said before and nothing is said or read after it.
    async fn lasts(said: &[u8]) -> Duration {
        let ((mut ours, theirs), (running, watching)) = (duplex(4096), watch::channel(()));
        ours.write_all(said).await.expect("it fits");
        let mut serving = pin!(serve(theirs, watching));
        // The server has heard all of it before it stops.
        tokio::select! {
            biased;
            () = serving.as_mut() => panic!("nobody has told it to end"),
            () = tokio::task::yield_now() => {}
        }
        let since = Instant::now();
        running.send_replace(());
        serving.await;
        since.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_server_stops_who_is_owed_nothing_is_not_waited_for() {
        for said in [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: a\r\n"] {
            assert_eq!(lasts(said).await, Duration::ZERO, "{said:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_server_stops_an_answer_that_nobody_reads_is_waited_for_and_not_for_ever() {
        assert_eq!(lasts(ASKED).await, STOP_PATIENCE);
        assert_eq!(lasts(&[ASKED, b"GET / HT"].concat()).await, STOP_PATIENCE);
    }

    #[tokio::test]
    async fn when_the_server_stops_what_is_being_answered_is_still_sent_whole() {
        let ((mut ours, theirs), (running, watching)) = (duplex(4096), watch::channel(()));
        ours.write_all(ASKED).await.expect("it fits");
        let reading = async move {
            let mut heard = vec![0; 12];
            ours.read_exact(&mut heard).await.expect("an answer");
            running.send_replace(());
            ours.read_to_end(&mut heard).await.expect("all of it");
            heard
        };
        let ((), heard) = tokio::join!(serve(theirs, watching), reading);
        assert_eq!(heard.iter().filter(|byte| **byte == b'x').count(), ANSWER_BYTES);
    }
}
