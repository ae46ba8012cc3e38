//! Where connections are looked after: two sets of threads, so that members who are calm wait for nobody who is not.
//!
//! Whoever comes is in the *yard*: requests for the page, handshakes, proofs, and all that is loud. A member who has been calm for a
//! while has a place in the *parlour*. Its threads come first, since those of the yard have stepped back: they have what the parlour
//! leaves, and as nobody there does much at once, that is nearly everything.
//!
//! Threads rather than an order among tasks: tasks take turns, and one turn may check a signature or read a frame of 64 KiB, while
//! hundreds of others are due before. The system interrupts.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};

/// How far the threads of the yard step back: next to the parlour's they have a quarter of a core where there is one for both. No
/// further, as they make decisions under the same lock, and what else runs on the machine must not keep them from giving it back.
const STEP: i32 = 5;

/// How long a thread of the yard works before it looks whether the parlour waits. The system would let it have a whole time slice,
/// which is as long as twenty signals take there and back.
const BREATH: Duration = Duration::from_micros(200);

/// Turns in the parlour before it looks who else has said something.
const TURNS: u32 = 8;

thread_local! {
    /// Since when this thread works without a break, if it has stepped back.
    static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Both.
#[derive(Clone, Debug)]
pub(crate) struct Quarters {
    yard: Handle,
    parlour: Handle,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quarter {
    Yard,
    Parlour,
}

/// The parlour's threads. Dropping it ends whatever is there.
#[derive(Debug)]
pub(crate) struct Parlour(Option<Runtime>);

/// Lets the others of this process go first, from the calling thread on. To be called on each thread that starts of the runtime on
/// which [`crate::serve`] runs; without that both quarters are served alike.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(STEP) {
        tracing::debug!(%error, "newcomers are served like members");
    }
    SINCE.set(Some(Instant::now()));
}

/// Lets the others of this process go first, if this thread has stepped back and not done so lately. To be called between pieces of
/// work of one task; between tasks [`unhurried`] does.
pub(crate) fn breathe() {
    if SINCE.get().is_some_and(|since| since.elapsed() >= BREATH) {
        std::thread::yield_now();
        SINCE.set(Some(Instant::now()));
    }
}

/// Takes breath before each turn of a task. A turn may be anything, its end too: four thousand sockets that close at once are as long a
/// piece of work as any.
pub(crate) async fn unhurried<F: Future>(task: F) -> F::Output {
    let mut task = pin!(task);
    poll_fn(|context| {
        breathe();
        task.as_mut().poll(context)
    })
    .await
}

impl Parlour {
    /// Opens it.
    pub(crate) fn open() -> io::Result<Self> {
        let mut threads = Builder::new_multi_thread();
        threads.thread_name("parlour").enable_all().event_interval(TURNS);
        threads.build().map(|runtime| Self(Some(runtime)))
    }

    /// It, beside the runtime that this is called on.
    pub(crate) fn beside_this(&self) -> Quarters {
        let yard = Handle::current();
        let parlour = self.0.as_ref().map_or_else(|| yard.clone(), |runtime| runtime.handle().clone());
        Quarters { yard, parlour }
    }
}

impl Drop for Parlour {
    fn drop(&mut self) {
        // A runtime must not be waited for on another.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Quarters {
    #[cfg(test)]
    pub(super) fn in_one() -> Self {
        Self { yard: Handle::current(), parlour: Handle::current() }
    }

    pub(super) fn of(&self, quarter: Quarter) -> &Handle {
        match quarter {
            Quarter::Yard => &self.yard,
            Quarter::Parlour => &self.parlour,
        }
    }
}

/// A stream that can be looked after elsewhere.
pub(crate) trait Portable: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Has itself looked after by the runtime that this is called on.
    ///
    /// # Errors
    /// There is no file descriptor left, and everything stays as it was.
    fn settle(&mut self) -> io::Result<()>;
}

impl Portable for TcpStream {
    fn settle(&mut self) -> io::Result<()> {
        let twin: OwnedFd = self.as_fd().try_clone_to_owned()?;
        *self = Self::from_std(twin.into())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_thread_that_stepped_back_takes_breath_and_only_after_a_while() {
        let taken = |since: Option<Instant>| {
            SINCE.set(since);
            breathe();
            SINCE.get() != since
        };
        assert!(!taken(None) && !taken(Instant::now().checked_add(BREATH)));
        assert!(taken(Instant::now().checked_sub(BREATH)));
    }

    #[tokio::test]
    async fn a_task_takes_breath_before_each_turn_whatever_it_does() {
        let long_ago = Instant::now().checked_sub(BREATH);
        SINCE.set(long_ago);
        let mut breaths = Vec::new();
        unhurried(async {
            for _ in 0..2 {
                breaths.push(SINCE.get() != long_ago);
                SINCE.set(long_ago);
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!((breaths, SINCE.get() != long_ago), (vec![true, true], true));
    }

    #[tokio::test]
    async fn a_socket_that_is_looked_after_elsewhere_says_and_hears_what_it_would_have() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut page = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("it listens");
        let (mut ours, _) = listener.accept().await.expect("somebody");
        page.write_all(b"before").await.expect("open");
        let parlour = Parlour::open().expect("threads");
        let there = parlour.beside_this().of(Quarter::Parlour).clone();
        let echo = there.spawn(async move {
            ours.settle().expect("a file descriptor");
            let mut words = [0; 11];
            ours.read_exact(&mut words).await.expect("open");
            ours.write_all(&words).await.expect("open");
        });
        page.write_all(b"after").await.expect("open");
        let mut heard = String::new();
        page.read_to_string(&mut heard).await.expect("an end, as the other's twin is closed too");
        assert_eq!(heard, "beforeafter");
        echo.await.expect("no panic");
    }
}
