//! For tests: what is logged while something is done.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

thread_local! {
    /// What this thread logs, while somebody wants to know.
    static LOG: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Writes there.
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.as_mut().map_or(Ok(bytes.len()), |log| log.write(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged meanwhile. One subscriber is there for all threads and for good: of one that is a thread's own nothing may be known
/// where another thread logged from the same line first.
pub(crate) fn logged(work: impl FnOnce()) -> String {
    static FOR_ALL: Once = Once::new();
    FOR_ALL.call_once(|| {
        let log = tracing_subscriber::fmt().with_writer(|| Log).with_ansi(false).finish();
        tracing::subscriber::set_global_default(log).expect("there is no other");
    });
    LOG.set(Some(Vec::new()));
    work();
    String::from_utf8(LOG.take().expect("it was wanted")).expect("text")
}
