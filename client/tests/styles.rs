//! Where styles stand: those of `assets/late` are loaded on the way into a room or home, and nothing at the door may need them.

#![cfg(not(target_arch = "wasm32"))]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What the lobby and a trouble consist of, before the app is there and after.
const DOOR: [&str; 17] = [
    "threshold/lobby.html",
    "index.html",
    "src/pages/frame.rs",
    "src/pages/lobby.rs",
    "src/pages/trouble.rs",
    "src/components/banner.rs",
    "src/components/choice.rs",
    "src/components/devices.rs",
    "src/components/field.rs",
    "src/components/icon.rs",
    "src/components/meter.rs",
    "src/components/notices.rs",
    "src/components/playback.rs",
    "src/components/switch.rs",
    "src/components/theme.rs",
    "src/components/tool.rs",
    "threshold/threshold.js",
];

fn client() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The classes that some styles are for.
fn classes_of(path: &str) -> BTreeSet<String> {
    let path = client().join("../assets").join(path);
    let styles: String = if path.is_dir() {
        let files = fs::read_dir(path).expect("it is there");
        files.map(|file| text(&file.expect("it can be read").path())).collect()
    } else {
        text(&path)
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let parts = styles.split('.').skip(1).filter_map(|part| part.split(|c| !is_name(c)).next());
    parts.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned).collect()
}

/// The words that are or may be classes: what stands in quotation marks in a line which speaks of classes, and is no sentence.
fn classes_in(file: &str) -> BTreeSet<String> {
    let text = text(&client().join(file));
    let lines = text.lines().filter(|line| line.contains("class"));
    let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
    let is_prose =
        |text: &&str| text.contains(|c: char| c.is_ascii_uppercase() || c.is_ascii_punctuation() && !"-_".contains(c));
    quoted.filter(|text| !is_prose(text)).flat_map(str::split_whitespace).map(str::to_owned).collect()
}

#[test]
fn nothing_at_the_door_needs_styles_that_are_loaded_later() {
    let (late, mut at_once) = (classes_of("late"), classes_of("blocks"));
    at_once.extend(classes_of("base.css"));
    assert!(at_once.contains("lobby") && late.contains("toolbar") && late.contains("home"));
    let used: BTreeSet<_> = DOOR.iter().flat_map(|file| classes_in(file)).collect();
    assert!(used.contains("lobby__join") && used.contains("trouble") && used.contains("tool--source"));
    let lacking: BTreeSet<_> = used.intersection(&late).filter(|name| !at_once.contains(*name)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}

/// What stands behind each `before`, up to a character that no name has.
fn names_behind(text: &str, before: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let parts = text.split(before).skip(1).filter_map(|part| part.split(|c| !is_name(c)).next());
    parts.map(str::to_owned).collect()
}

#[test]
fn each_icon_is_in_the_sprite_and_those_of_the_door_are_there_at_once() {
    let page = names_behind(&text(&client().join("index.html")), "symbol id=\"");
    let late = names_behind(&text(&client().join("../assets/late/icons.css")), "symbol id='");
    let icons = text(&client().join("src/components/icon.rs"));
    assert!(names_behind(&icons, "\"#").iter().all(|id| page.contains(id) != late.contains(id)), "{page:?} {late:?}");
    for file in DOOR.iter().filter(|file| file.ends_with(".rs")) {
        for glyph in names_behind(&text(&client().join(file)), "Glyph::") {
            let id = names_behind(&icons, &format!("Self::{glyph} => \"#")).pop_first().expect("it has a symbol");
            assert!(page.contains(&id), "{file} shows {id}");
        }
    }
}
