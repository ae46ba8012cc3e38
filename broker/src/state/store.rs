//! The file in which rooms outlive the broker: an embedded store of three tables, one of rooms, one of seats, and one that says whose
//! file it is.
//!
//! Each record is JSON, of the types that rooms are made of, and is parsed as strictly as what comes over a socket. What stands there
//! is random, hashed or sealed by members: whoever takes the file can read no name and enter no room with it.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use klatch_shared::limits::{MAX_SEALED_CARD_CHARS, MAX_SEALED_ROOM_NAME_CHARS};
use klatch_shared::{MemberId, RoomId, random_bytes};
use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase as _, TableDefinition, TableError};

use super::StateError;
use crate::rooms::{Change, KeptRoom, KeptSeat};
use crate::socket::quarters::breathe;

/// What it may hold in memory of the file: the system does that too.
const CACHE_BYTES: usize = 8 << 20;
/// How records are written. Another number is another way.
const FORMAT: u64 = 1;
/// How redb lays out its pages, as its files say of themselves in either of two places.
const LAYOUT: u8 = 3;
const LAYOUTS_AT: [usize; 2] = [64, 192];
/// What redb's files begin with.
const MAGIC: [u8; 9] = *b"redb\x1a\x0a\xa9\x0d\x0a";

/// One row, by which a file is known for one of ours: its format.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("klatch");
const ROOMS: TableDefinition<'_, &[u8; 16], &[u8]> = TableDefinition::new("rooms");
/// By room and member.
const SEATS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("seats");

/// A room as it was kept, with its seats.
pub(super) type Kept = HashMap<RoomId, (KeptRoom, Vec<KeptSeat>)>;

/// The open file. Nobody else can open it meanwhile.
pub(super) struct Store {
    path: PathBuf,
    database: Database,
}

impl Store {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        if is_unused(path) {
            create(path)?;
        }
        let database = builder().open(path).map_err(|error| StateError::unopened(path, error))?;
        let store = Self { path: path.into(), database };
        match store.format().map_err(|error| StateError::unusable(path, error))? {
            Some(FORMAT) => Ok(store),
            Some(format) => Err(StateError::OtherFormat { path: path.into(), format }),
            None => Err(StateError::Foreign(path.into())),
        }
    }

    /// Whether there is a file, which could be opened then. If not, one could be made there, and is not.
    pub(super) fn probe(path: &Path) -> Result<bool, StateError> {
        if !is_unused(path) {
            return Self::open(path).map(|_| true);
        }
        let aside = aside(path);
        let made = fill(&aside);
        let _ = fs::remove_file(&aside);
        made.map(|()| false).map_err(|error| StateError::unusable(path, error))
    }

    /// Everything that was kept. What can't be read is discarded, so that it is nobody's later: a seat must not turn up in another
    /// room of the same key. The file is made as small as that is.
    pub(super) fn read(&mut self) -> Result<Kept, StateError> {
        let mut kept = Kept::new();
        let discarded = self.sift(&mut kept).map_err(|error| StateError::unusable(&self.path, error))?;
        self.database.compact().map_err(|error| StateError::unusable(&self.path, error))?;
        if discarded > 0 {
            tracing::warn!(discarded, "the state file has records that can't be read");
        }
        Ok(kept)
    }

    /// Makes the changes, all or none. They are in the file, whatever happens next, when this returns.
    pub(super) fn commit(&self, changes: &[Change]) -> Result<(), StateError> {
        self.make(changes).map_err(|source| StateError::Unwritable { path: self.path.clone(), source })
    }

    fn format(&self) -> Result<Option<u64>, redb::Error> {
        let transaction = self.database.begin_read()?;
        match transaction.open_table(ABOUT) {
            Ok(about) => Ok(about.get("format")?.map(|format| format.value())),
            Err(TableError::Storage(error)) => Err(error.into()),
            // There is none, or one of another kind.
            Err(_) => Ok(None),
        }
    }

    fn sift(&self, kept: &mut Kept) -> Result<usize, redb::Error> {
        let mut discarded = 0;
        let transaction = self.database.begin_write()?;
        transaction.open_table(ROOMS)?.retain(|key, value| {
            let room = read_room(key, value).map(|(id, room)| kept.insert(id, (room, Vec::new())));
            discarded += usize::from(room.is_none());
            room.is_some()
        })?;
        transaction.open_table(SEATS)?.retain(|key, value| {
            let seat = read_seat(key, value).and_then(|(id, seat)| Some((&mut kept.get_mut(&id)?.1, seat)));
            discarded += usize::from(seat.is_none());
            seat.map(|(seats, seat)| seats.push(seat)).is_some()
        })?;
        transaction.commit()?;
        Ok(discarded)
    }

    fn make(&self, changes: &[Change]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        let (mut rooms, mut seats) = (transaction.open_table(ROOMS)?, transaction.open_table(SEATS)?);
        for change in changes {
            breathe();
            match change {
                Change::KeepRoom(id, room) => _ = rooms.insert(id.as_bytes(), &*json(room))?,
                Change::KeepSeat(id, seat) => _ = seats.insert(&seat_key(*id, seat.member.as_bytes()), &*json(seat))?,
                Change::DiscardSeat(id, member) => _ = seats.remove(&seat_key(*id, member.as_bytes()))?,
                Change::DiscardRoom(id) => {
                    rooms.remove(id.as_bytes())?;
                    let (first, last) = (seat_key(*id, &[0; 16]), seat_key(*id, &[0xff; 16]));
                    seats.retain_in::<&[u8; 32], _>(&first..=&last, |_, _| false)?;
                }
            }
        }
        drop((rooms, seats));
        Ok(transaction.commit()?)
    }
}

/// Makes an empty store aside and puts it in its place whole: whoever dies meanwhile leaves nothing there that is none.
fn create(path: &Path) -> Result<(), StateError> {
    let aside = aside(path);
    let made = fill(&aside).and_then(|()| put(&aside, path).map_err(redb::Error::from));
    let _ = fs::remove_file(&aside);
    made.map_err(|error| StateError::unusable(path, error))
}

/// A name beside it that nobody has.
fn aside(path: &Path) -> PathBuf {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{:016x}.new", u64::from_be_bytes(random_bytes())));
    PathBuf::from(aside)
}

fn fill(path: &Path) -> Result<(), redb::Error> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    let database = builder().create_with_backend(FileBackend::new(file)?)?;
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert("format", FORMAT)?;
    transaction.open_table(ROOMS)?;
    transaction.open_table(SEATS)?;
    Ok(transaction.commit()?)
}

/// Whether a file that redb can't read was written by a later redb, as both places say: where only one does, it is spoilt.
pub(super) fn is_of_later_layout(path: &Path) -> bool {
    let mut start = [0; 256];
    let is_read = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok();
    let [first, second] = LAYOUTS_AT.map(|at| start[at]);
    is_read && start.starts_with(&MAGIC) && first > LAYOUT && first == second
}

/// Gives a file its name, unless somebody else was quicker.
fn put(aside: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(aside, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && !is_unused(path) => return Ok(()),
        // An empty file gives way; and not all file systems have links.
        Err(_) => fs::rename(aside, path)?,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Whether there is nothing, or an empty file as other programs make to have a name.
fn is_unused(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(metadata) => metadata.is_file() && metadata.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    // What was altered from outside is found out now, and does not break down later.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

fn json(record: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record is plain data")
}

fn seat_key(room: RoomId, member: &[u8; 16]) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(room.as_bytes());
    key[16..].copy_from_slice(member);
    key
}

fn read_room(key: &[u8; 16], value: &[u8]) -> Option<(RoomId, KeptRoom)> {
    let (id, room): (_, KeptRoom) = (RoomId::try_from(*key).ok()?, serde_json::from_slice(value).ok()?);
    (room.name.as_str().len() <= MAX_SEALED_ROOM_NAME_CHARS).then_some((id, room))
}

fn read_seat(key: &[u8; 32], value: &[u8]) -> Option<(RoomId, KeptSeat)> {
    let (room, member) = key.split_first_chunk().zip(key.last_chunk()).map(|((room, _), member)| (*room, *member))?;
    let (id, member) = (RoomId::try_from(room).ok()?, MemberId::try_from(member).ok()?);
    let seat: KeptSeat = serde_json::from_slice(value).ok()?;
    (seat.member == member && seat.card.as_str().len() <= MAX_SEALED_CARD_CHARS).then_some((id, seat))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
