//! Whether rooms outlive the broker (`--state`): how they are at the start, and who keeps them from then on.

mod batch;
pub(crate) mod commits;
mod keeper;
mod store;

use std::io;
use std::path::{Path, PathBuf};

use klatch_shared::random_bytes;
use redb::{DatabaseError, StorageError};
use tokio::sync::oneshot;

pub(crate) use keeper::Keeper;

use crate::clock::Clock;
use crate::limits::Limits;
use crate::rooms::{Policy, Revival, Rooms};
use store::Store;

/// Why rooms can't be kept in a file.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It can't be opened or read.
    #[error("can't use the state file {path}{}", way_out(source))]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the store said.
        source: redb::Error,
    },
    /// A part of it is missing, or is not what was written.
    #[error("the state file {path} is spoilt or not whole: put a copy of it in its place, or name another by --state")]
    Spoilt {
        /// Which.
        path: PathBuf,
        /// What the store said.
        source: redb::Error,
    },
    /// It can't be written.
    #[error("can't write to the state file {path}{}", way_out(source))]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the store said.
        source: redb::Error,
    },
    /// Somebody else has it open.
    #[error("the state file {0} is in use: another klatch may be running")]
    InUse(PathBuf),
    /// It is something else.
    #[error("{0} is no state file of klatch's: name another by --state")]
    Foreign(PathBuf),
    /// It ends before a state file's first page does.
    #[error("{0} is no state file of klatch's, or was cut: put a copy of it in its place, or name another by --state")]
    Cut(PathBuf),
    /// It is of another version.
    #[error(
        "the state file {path} is of format {format}, which this version of klatch does not know: start the version that wrote it, or name another file by --state"
    )]
    OtherFormat {
        /// Which.
        path: PathBuf,
        /// What it says of itself.
        format: u64,
    },
    /// Its pages are laid out as another version does it.
    #[error(
        "the state file {path} is laid out as {age} version of klatch does it, which this one can't read: start the version that wrote it, \
         or move the file away, or name another by --state"
    )]
    OtherLayout {
        /// Which.
        path: PathBuf,
        /// Of what age that is.
        age: &'static str,
    },
    /// Whoever was to write does not any more.
    #[error("the state file is not written any more: its thread broke down")]
    Stopped,
}

impl StateError {
    fn unusable(path: &Path, source: impl Into<redb::Error>) -> Self {
        match (path.into(), source.into()) {
            (path, source @ redb::Error::Corrupted(_)) => Self::Spoilt { path, source },
            (path, source) => Self::Unusable { path, source },
        }
    }

    fn unopened(path: &Path, error: DatabaseError) -> Self {
        match error {
            DatabaseError::DatabaseAlreadyOpen => Self::InUse(path.into()),
            DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Foreign(path.into())
            }
            DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Cut(path.into())
            }
            DatabaseError::UpgradeRequired(_) => Self::OtherLayout { path: path.into(), age: "an older" },
            DatabaseError::Storage(StorageError::Corrupted(_)) if store::is_of_later_layout(path) => {
                Self::OtherLayout { path: path.into(), age: "a newer" }
            }
            error => Self::unusable(path, error),
        }
    }
}

/// What to do about a file that can't be used.
fn way_out(error: &redb::Error) -> &'static str {
    let redb::Error::Io(error) = error else { return "" };
    match error.kind() {
        io::ErrorKind::NotFound => ": make the folder that it is to be in, or name another file by --state",
        io::ErrorKind::NotADirectory => ": what it is to be in is no folder, so name another file by --state",
        io::ErrorKind::IsADirectory => ": it is a folder, so name a file in it by --state",
        io::ErrorKind::PermissionDenied => {
            ": let klatch's user write it and its folder, or name another file by --state"
        }
        io::ErrorKind::ReadOnlyFilesystem => ": nothing can be written there, so name another file by --state",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ": make room on its disk, or name a file on another by --state"
        }
        _ => "",
    }
}

/// Rooms at the start, their clock, and who keeps them if they are kept.
pub(crate) struct State {
    pub(crate) rooms: Rooms,
    pub(crate) clock: Clock,
    pub(crate) keeper: Option<Keeper>,
}

impl State {
    /// No rooms, and nothing is kept. Members may bring back what they remember, for a while.
    pub(crate) fn fleeting(policy: Policy, limits: &Limits) -> Self {
        let clock = Clock::start();
        let revival = Revival {
            until: clock.now() + u64::from(limits.revival_seconds) * 1000,
            number: u32::from_le_bytes(random_bytes()),
        };
        Self { rooms: Rooms::new(Policy { revival, ..policy }, limits), clock, keeper: None }
    }

    /// Whether rooms could be kept in a file, and whether there are some in it. None is made.
    pub(crate) fn probe(path: &Path) -> Result<bool, StateError> {
        Store::probe(path)
    }

    /// The rooms in a file, which are kept there. The other end tells when they can't be any more.
    pub(crate) fn kept(
        path: &Path,
        policy: Policy,
        limits: &Limits,
    ) -> Result<(Self, oneshot::Receiver<StateError>), StateError> {
        let mut store = Store::open(path)?;
        let kept = store.read()?;
        let (mut rooms, clock) = (Rooms::new(policy, limits), Clock::start());
        let now = clock.now();
        for (id, (room, seats)) in kept {
            rooms.restore(id, room, seats, now);
        }
        rooms.expire(now);
        // Before anybody is let in: another restart is to find when rooms die, and who is away.
        store.commit(&rooms.take_changes())?;
        tracing::info!(rooms = rooms.count(), "rooms are kept");
        let (keeper, failure) = Keeper::start(clock, limits, move |changes| store.commit(changes));
        Ok((Self { rooms, clock, keeper: Some(keeper) }, failure))
    }
}
