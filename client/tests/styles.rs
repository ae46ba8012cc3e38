//! Where styles stand: those of `assets/room` are loaded on the way into a room, and nothing at the door may need them.

#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The classes that some styles are for.
fn classes_of(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets").join(folder);
    let files = fs::read_dir(folder).expect("it is there");
    let styles: String = files.map(|file| text(&file.expect("it can be read").path())).collect();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let parts = styles.split('.').skip(1).filter_map(|part| part.split(|c| !is_name(c)).next());
    parts.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned).collect()
}

#[test]
fn nothing_at_the_door_needs_the_styles_of_a_room() {
    let (everywhere, room) = (classes_of("blocks"), classes_of("room"));
    assert!(everywhere.contains("lobby") && room.contains("toolbar"));
    let door = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("threshold/lobby.html"));
    let used = door.split("class=\"").skip(1).filter_map(|rest| rest.split('"').next()).flat_map(str::split_whitespace);
    let lacking: BTreeSet<_> = used.filter(|name| room.contains(*name) && !everywhere.contains(*name)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}
