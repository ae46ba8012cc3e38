//! The file itself: written, closed, opened again, spoilt.

use std::os::unix::fs::PermissionsExt as _;

use klatch_shared::{InviteToken, SeatToken, SessionNonce};

use super::*;
use crate::rooms::Whereabouts;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("klatch-store-{:016x}", u64::from_be_bytes(random_bytes())));
        fs::create_dir(&folder).expect("a place for files");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("state")
    }

    fn open(&self) -> Result<Store, StateError> {
        Store::open(&self.file())
    }

    fn read(&self) -> Kept {
        self.open().expect("it is there").read().expect("readable")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn room_id(number: u8) -> RoomId {
    format!("00000000-0000-8000-8000-0000000000{number:02x}").parse().expect("a UUID v8")
}

fn room(dies_at: Option<u64>) -> KeptRoom {
    let (name, invite) = ("name".parse().expect("base64url"), InviteToken::random().hash());
    KeptRoom { creator: MemberId::random(), locked: true, name, invite, next_ordinal: 3, dies_at }
}

fn seat(ordinal: u32, whereabouts: Whereabouts) -> KeptSeat {
    let (latch, session) = (SeatToken::random().hash().latch(), SessionNonce::random());
    KeptSeat {
        member: MemberId::random(),
        latch,
        ordinal,
        session,
        card: "card".parse().expect("base64url"),
        whereabouts,
    }
}

fn seats(kept: &Kept, number: u8) -> Vec<KeptSeat> {
    let mut seats = kept[&room_id(number)].1.clone();
    seats.sort_by_key(|seat| seat.ordinal);
    seats
}

/// Writes what no store would.
fn spoil(store: &Store, spoil: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>) {
    let transaction = store.database.begin_write().expect("nobody else writes");
    spoil(&transaction).expect("written");
    transaction.commit().expect("written");
}

#[test]
fn what_was_committed_is_there_when_the_file_is_opened_again() {
    let folder = Folder::new();
    let (first, second) = (room(None), room(Some(7)));
    let [one, two] = [seat(0, Whereabouts::Present), seat(1, Whereabouts::Left(5))];
    let other = seat(0, Whereabouts::Away(6));
    let store = folder.open().expect("a new file");
    store
        .commit(&[
            Change::KeepRoom(room_id(1), first.clone()),
            Change::KeepSeat(room_id(1), one.clone()),
            Change::KeepSeat(room_id(1), two.clone()),
            Change::KeepRoom(room_id(2), second.clone()),
            Change::KeepSeat(room_id(2), other.clone()),
        ])
        .expect("written");
    drop(store);
    let kept = folder.read();
    assert_eq!((kept.len(), &kept[&room_id(1)].0, &kept[&room_id(2)].0), (2, &first, &second));
    assert_eq!((seats(&kept, 1), seats(&kept, 2)), (vec![one.clone(), two.clone()], vec![other]));

    let store = folder.open().expect("it is there");
    let locked = KeptRoom { locked: false, ..first };
    store
        .commit(&[
            Change::KeepRoom(room_id(1), locked.clone()),
            Change::DiscardSeat(room_id(1), one.member),
            Change::DiscardRoom(room_id(2)),
        ])
        .expect("written");
    drop(store);
    let kept = folder.read();
    assert_eq!((kept.len(), &kept[&room_id(1)].0, seats(&kept, 1)), (1, &locked, vec![two]));
}

#[test]
fn a_room_that_is_discarded_takes_its_seats_along_and_no_others() {
    let folder = Folder::new();
    let store = folder.open().expect("a new file");
    for number in 1..=3 {
        let mut changes = vec![Change::KeepRoom(room_id(number), room(None))];
        changes.extend((0..5).map(|ordinal| Change::KeepSeat(room_id(number), seat(ordinal, Whereabouts::Present))));
        store.commit(&changes).expect("written");
    }
    // The room comes again at once, and without those who were there before.
    let again = Change::KeepRoom(room_id(2), room(None));
    store.commit(&[Change::DiscardRoom(room_id(2)), again]).expect("written");
    drop(store);
    let kept = folder.read();
    assert_eq!([1, 2, 3].map(|number| seats(&kept, number).len()), [5, 0, 5]);
}

#[test]
fn a_file_that_held_much_is_small_again_after_a_restart_and_without_what_was_discarded() {
    let folder = Folder::new();
    let store = folder.open().expect("a new file");
    let card = "B".repeat(MAX_SEALED_CARD_CHARS);
    let seats = (0..2000).map(|ordinal| {
        let seat = KeptSeat { card: card.parse().expect("base64url"), ..seat(ordinal, Whereabouts::Present) };
        Change::KeepSeat(room_id(1), seat)
    });
    let changes: Vec<_> = [Change::KeepRoom(room_id(1), room(None))].into_iter().chain(seats).collect();
    store.commit(&changes).expect("written");
    store.commit(&[Change::DiscardRoom(room_id(1))]).expect("written");
    drop(store);
    let read = || fs::read(folder.file()).expect("it is there");
    let holds = |file: &[u8]| file.windows(card.len()).any(|window| window == card.as_bytes());
    let before = read();
    assert!(folder.read().is_empty());
    let after = read();
    assert!(after.len() < before.len() / 2, "{} of {} bytes", after.len(), before.len());
    assert!(holds(&before) && !holds(&after));
}

#[test]
fn a_new_file_is_for_its_owner_alone_and_nothing_is_left_beside_it() {
    let folder = Folder::new();
    drop(folder.open().expect("a new file"));
    let mode = || fs::metadata(folder.file()).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::write(folder.file(), "").expect("written");
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o644)).expect("it is ours");
    drop(folder.open().expect("it takes the place of an empty one"));
    assert_eq!(mode(), 0o600);
    assert_eq!(fs::read_dir(&folder.0).expect("a folder").count(), 1);
}

#[test]
fn two_can_not_have_it_open() {
    let folder = Folder::new();
    let _store = folder.open().expect("a new file");
    assert!(matches!(folder.open(), Err(StateError::InUse(path)) if path == folder.file()));
}

#[test]
fn what_is_no_state_file_is_left_as_it_is() {
    let folder = Folder::new();
    for content in [&b"\n"[..], b"[Unit]\n", &[0; 100_000], "é".repeat(100_000).as_bytes()] {
        fs::write(folder.file(), content).expect("written");
        assert!(matches!(folder.open(), Err(StateError::Foreign(_))), "{} bytes", content.len());
        assert_eq!(fs::read(folder.file()).expect("it is there"), content);
    }
}

#[test]
fn anothers_store_is_no_state_file() {
    let folder = Folder::new();
    let database = Database::create(folder.file()).expect("a new file");
    assert!(matches!(folder.open(), Err(StateError::InUse(_))));
    drop(database);
    assert!(matches!(folder.open(), Err(StateError::Foreign(_))), "an empty one");
    let database = Database::create(folder.file()).expect("it is there");
    let transaction = database.begin_write().expect("nobody else writes");
    let other: TableDefinition<'_, u64, u64> = TableDefinition::new("klatch");
    transaction.open_table(other).expect("a table").insert(1, 1).expect("inserted");
    transaction.commit().expect("written");
    drop(database);
    assert!(matches!(folder.open(), Err(StateError::Foreign(_))), "one with a table of that name");
}

#[test]
fn a_file_of_another_format_is_not_read() {
    let folder = Folder::new();
    let store = folder.open().expect("a new file");
    spoil(&store, |transaction| {
        transaction.open_table(ABOUT)?.insert("format", FORMAT + 1).map(|_| ()).map_err(Into::into)
    });
    drop(store);
    assert!(matches!(folder.open(), Err(StateError::OtherFormat { format, .. }) if format == FORMAT + 1));
}

#[test]
fn where_there_can_be_no_file_there_is_a_reason() {
    let folder = Folder::new();
    assert!(matches!(Store::open(&folder.0), Err(StateError::Unusable { .. })), "a folder");
    assert!(matches!(Store::open(&folder.0.join("nowhere/state")), Err(StateError::Unusable { .. })));
}

#[test]
fn records_that_can_not_be_read_are_discarded_and_all_others_are_not() {
    let folder = Folder::new();
    let mut store = folder.open().expect("a new file");
    let (good, bad) = (seat(0, Whereabouts::Present), seat(1, Whereabouts::Present));
    for number in [1, 2] {
        let changes = [
            Change::KeepRoom(room_id(number), room(None)),
            Change::KeepSeat(room_id(number), good.clone()),
            Change::KeepSeat(room_id(number), bad.clone()),
        ];
        store.commit(&changes).expect("written");
    }
    let (large, stray) = ("A".repeat(MAX_SEALED_CARD_CHARS + 1), seat(0, Whereabouts::Present));
    let large = KeptSeat { card: large.parse().expect("base64url"), ..seat(2, Whereabouts::Present) };
    spoil(&store, |transaction| {
        let (mut rooms, mut seats) = (transaction.open_table(ROOMS)?, transaction.open_table(SEATS)?);
        // A record cut short, one of no member, one that says it is another's, one too large, one of no room.
        let whole = json(&bad);
        seats.insert(&seat_key(room_id(1), bad.member.as_bytes()), &whole[..whole.len() - 1])?;
        seats.insert(&seat_key(room_id(1), &[7; 16]), &*whole)?;
        seats.insert(&seat_key(room_id(1), MemberId::random().as_bytes()), &*whole)?;
        seats.insert(&seat_key(room_id(1), large.member.as_bytes()), &*json(&large))?;
        seats.insert(&seat_key(room_id(9), stray.member.as_bytes()), &*json(&stray))?;
        rooms.insert(room_id(2).as_bytes(), &b"{}"[..])?;
        rooms.insert(&[7; 16], &*json(&room(None)))?;
        Ok(())
    });
    for _ in 0..2 {
        let kept = store.read().expect("readable");
        assert_eq!((kept.len(), seats(&kept, 1)), (1, vec![good.clone()]));
    }
    // They are gone for good: what was in a room that could not be read is not in the next of its key.
    store.commit(&[Change::KeepRoom(room_id(2), room(None))]).expect("written");
    drop(store);
    assert_eq!(seats(&folder.read(), 2), []);
}

#[test]
fn whatever_byte_of_the_file_is_spoilt_it_is_read_or_there_is_a_reason() {
    let folder = Folder::new();
    let store = folder.open().expect("a new file");
    let seats = (0..40).map(|ordinal| Change::KeepSeat(room_id(1), seat(ordinal, Whereabouts::Away(3))));
    let changes: Vec<_> = [Change::KeepRoom(room_id(1), room(None))].into_iter().chain(seats).collect();
    store.commit(&changes).expect("written");
    drop(store);
    let whole = fs::read(folder.file()).expect("it is there");
    let written: Vec<_> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    for at in written.iter().step_by(written.len().div_ceil(50)) {
        let mut spoilt = whole.clone();
        spoilt[*at] ^= 0xff;
        fs::write(folder.file(), spoilt).expect("written");
        if let Ok(mut store) = folder.open() {
            let _ = store.read();
        }
    }
}

#[test]
fn wherever_the_file_was_cut_short_there_is_a_reason_or_all_of_it() {
    let folder = Folder::new();
    let store = folder.open().expect("a new file");
    store.commit(&[Change::KeepRoom(room_id(1), room(None))]).expect("written");
    drop(store);
    let whole = fs::read(folder.file()).expect("it is there");
    for length in (1..whole.len()).step_by(whole.len().div_ceil(50)) {
        fs::write(folder.file(), &whole[..length]).expect("written");
        if let Ok(mut store) = folder.open() {
            assert_eq!(store.read().expect("readable").len(), 1, "{length} of {}", whole.len());
        }
    }
}

#[test]
fn whatever_is_in_the_way_of_a_file_is_told_with_what_to_do() {
    let folder = Folder::new();
    drop(folder.open().expect("a new file"));
    let whole = fs::read(folder.file()).expect("it is there");
    fs::write(folder.file(), &whole[..20]).expect("written");
    for (path, says) in [
        (folder.file(), "is no state file of klatch's, or was cut: put a copy"),
        (folder.file().join("state"), ": what it is to be in is no folder, so name another"),
        (folder.0.join("nowhere/state"), ": make the folder that it is to be in, or name another"),
        (folder.0.clone(), ": it is a folder, so name a file in it"),
    ] {
        let said = Store::open(&path).err().expect(says).to_string();
        assert!(said.contains(&format!("{}", path.display())) && said.contains(says), "{said}");
    }
    let full = redb::Error::Io(io::ErrorKind::StorageFull.into());
    let said = StateError::Unwritable { path: folder.file(), source: full }.to_string();
    assert!(said.ends_with(": make room on its disk, or name a file on another by --state"), "{said}");
}

#[test]
fn a_file_whose_pages_another_version_has_laid_out_is_told_by_its_age_and_is_not_called_spoilt() {
    let folder = Folder::new();
    drop(folder.open().expect("a new file"));
    let whole = fs::read(folder.file()).expect("it is there");
    assert_eq!(LAYOUTS_AT.map(|at| whole[at]), [LAYOUT; 2], "redb says so there");
    let said = |layouts: [u8; 2]| {
        let mut other = whole.clone();
        LAYOUTS_AT.into_iter().zip(layouts).for_each(|(at, layout)| other[at] = layout);
        fs::write(folder.file(), other).expect("written");
        folder.open().err().expect("another layout").to_string()
    };
    for (layouts, age) in [([2, 2], "an older"), ([4, 4], "a newer")] {
        let said = said(layouts);
        assert!(said.contains(&format!(" is laid out as {age} version of klatch does it, ")), "{said}");
        assert!(said.contains("start the version that wrote it, or move the file away"), "{said}");
    }
    let said = said([0xfc, LAYOUT]);
    assert!(said.contains(" is spoilt "), "{said}");
}
