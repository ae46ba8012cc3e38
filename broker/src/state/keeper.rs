//! Writes down what rooms decide, on a thread of its own: a commit takes as long as the disk does, and nobody may wait for that under a
//! lock or in the way of other connections.
//!
//! Whatever is handed in while one commit is made becomes the next, so that there are never more of them than the disk takes, and each
//! has as much in it as came meanwhile. What is told of a decision waits for its [`Ticket`] in the outbox of whoever is told.
//!
//! The thread steps back like those of newcomers, who are what there is most to write of, while members' signals wait for nothing written.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::StateError;
use super::batch::Batch;
use super::commits::{Commits, Ticket};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::rooms::Change;
use crate::step_back;

/// Who writes. Dropped, it has written everything.
pub(crate) struct Keeper {
    desk: Arc<Desk>,
    commits: Arc<Commits>,
    clock: Clock,
    /// So many changes may wait.
    most: usize,
    thread: Option<JoinHandle<()>>,
}

struct Desk {
    sheet: Mutex<Sheet>,
    handed_in: Condvar,
}

/// What the next commit will have in it.
struct Sheet {
    batch: Batch,
    /// That of the commit before.
    taken: Ticket,
    is_last: bool,
}

impl Keeper {
    /// Writes each batch by `commit`, until that fails; then nothing is written any more, and the reason is told.
    pub(crate) fn start(
        clock: Clock,
        limits: &Limits,
        mut commit: impl FnMut(&[Change]) -> Result<(), StateError> + Send + 'static,
    ) -> (Self, oneshot::Receiver<StateError>) {
        let sheet = Mutex::new(Sheet { batch: Batch::default(), taken: Ticket::NONE, is_last: false });
        let (desk, commits) = (Arc::new(Desk { sheet, handed_in: Condvar::new() }), Arc::<Commits>::default());
        let (fail, failure) = oneshot::channel();
        let thread = thread::spawn({
            let (desk, commits) = (Arc::clone(&desk), Arc::clone(&commits));
            move || {
                step_back();
                while let Some((changes, ticket)) = desk.next() {
                    if let Err(error) = commit(&changes) {
                        let _ = fail.send(error);
                        return;
                    }
                    commits.advance(ticket);
                }
            }
        });
        let most = limits.unkept_changes as usize;
        (Self { desk, commits, clock, most, thread: Some(thread) }, failure)
    }

    pub(crate) fn commits(&self) -> &Arc<Commits> {
        &self.commits
    }

    /// Whether so much waits to be written that there should not be more.
    pub(crate) fn is_behind(&self) -> bool {
        self.desk.lock().batch.len() >= self.most
    }

    /// Takes changes in, their times told by its clock, and says what to wait for.
    pub(crate) fn hand_in(&self, changes: Vec<Change>) -> Ticket {
        let changes = changes.into_iter().map(|change| change.by_clock(|at| self.clock.system_time_at(at)));
        let mut sheet = self.desk.lock();
        changes.for_each(|change| sheet.batch.add(change));
        let ticket = sheet.taken.next();
        drop(sheet);
        self.desk.handed_in.notify_one();
        ticket
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.desk.lock().is_last = true;
        self.desk.handed_in.notify_one();
        if let Some(thread) = self.thread.take() {
            // If it panicked, whoever waits for its failure knows.
            let _ = thread.join();
        }
    }
}

impl Desk {
    /// Waits for something to write; nothing once there never will be.
    fn next(&self) -> Option<(Vec<Change>, Ticket)> {
        let mut sheet = self.lock();
        while sheet.batch.len() == 0 && !sheet.is_last {
            sheet = self.handed_in.wait(sheet).unwrap_or_else(PoisonError::into_inner);
        }
        let batch = std::mem::take(&mut sheet.batch);
        sheet.taken = sheet.taken.next();
        let ticket = sheet.taken;
        // Whoever decides about rooms waits for this lock, and we have stepped back.
        drop(sheet);
        let changes = batch.into_changes();
        (!changes.is_empty()).then_some((changes, ticket))
    }

    fn lock(&self) -> MutexGuard<'_, Sheet> {
        // Nothing that holds it can panic halfway.
        self.sheet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
