//! What has to be carried: the page over the wire, the program on disk and in memory.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use klatch_shared::{Invitation, InviteToken, RoomKey};
use klatch_tests::Broker;
use klatch_tests::usage::resident_kib;

use super::http::{self, Answer};
use super::table::{Table, Target};

/// What an idle program does at its start is over after this long.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures what `./build.sh` built.
///
/// # Errors
/// It does not serve.
pub async fn bench() -> Result<Table> {
    let broker = Broker::start(&[]).await?;
    tokio::time::sleep(SETTLE).await;
    let idle = resident_kib(broker.id())?;
    let page = Invitation::new(RoomKey::random(), InviteToken::random());
    let files = first_load(broker.port(), &format!("/r/{}", page.room))?;

    let mut table = Table::new("size: the first load of an invitation as brotli with its headers, and the program");
    for (path, answer, raw) in &files {
        table.tell(&format!("{path}, KB ({:.1} raw)", *raw as f64 / 1e3), 1, answer.bytes as f64 / 1e3, Target::None);
    }
    let bytes: usize = files.iter().map(|(_, answer, _)| answer.bytes).sum();
    table.tell("first load, KB", 1, bytes as f64 / 1e3, Target::Most(200.0));
    table.tell("first load, requests", 0, files.len() as f64, Target::Most(6.0));
    let program = std::fs::read_link(format!("/proc/{}/exe", broker.id()))?;
    table.tell("program, MB", 2, file_size(&program)? / 1e6, Target::Most(10.0));
    table.tell("resident when idle, MB", 2, idle * 1024.0 / 1e6, Target::Most(15.0));
    let loaded = resident_kib(broker.id())?;
    table.tell("resident after a first load, MB", 2, loaded * 1024.0 / 1e6, Target::None);
    Ok(table)
}

/// The page at `path` and all that it mentions, each with its size before compression.
fn first_load(port: u16, path: &str) -> Result<Vec<(String, Answer, usize)>> {
    let (mut todo, mut known) = (vec![path.to_owned()], BTreeSet::new());
    let mut files = Vec::new();
    while let Some(path) = todo.pop() {
        let (Ok(plain), Ok(packed)) = (http::get(port, &path, "identity"), http::get(port, &path, "br")) else {
            // A word that looks like a file and is none.
            continue;
        };
        let kind = packed.header("content-type").unwrap_or_default().to_owned();
        if ["text/html", "text/css", "javascript"].iter().any(|text| kind.contains(text)) {
            let mentioned = mentions(&String::from_utf8_lossy(&plain.body));
            todo.extend(mentioned.into_iter().filter(|path| known.insert(path.clone())));
        }
        let name = if files.is_empty() { "/r/<room>".to_owned() } else { path };
        files.push((name, packed, plain.body.len()));
    }
    files.first().context("no page")?;
    Ok(files)
}

/// Words of a text that may be names of hashed files, as paths; but those of tags with `data-rel`, which are loaded on the way into a room.
fn mentions(text: &str) -> BTreeSet<String> {
    let tags = text.split('<').filter(|tag| !tag.contains(" data-rel="));
    let words =
        tags.flat_map(|tag| tag.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'))));
    let names = words.map(|word| word.trim_start_matches("./").trim_start_matches('/'));
    let files = names.filter(|name| {
        let kind = Path::new(name).extension().and_then(|kind| kind.to_str());
        kind.is_some_and(|kind| ["js", "css", "wasm", "svg", "png", "woff2", "webmanifest", "ico"].contains(&kind))
    });
    files.map(|name| format!("/{name}")).collect()
}

fn file_size(path: &Path) -> Result<f64> {
    let size = std::fs::metadata(path).with_context(|| path.display().to_string())?.len();
    Ok(size as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_mentions_is_found() {
        let text = r#"<link href=/room-1.css data-rel=stylesheet><link href="/tokens-12ab.css"><script>import init from '/klatch-1f.js'; init({ module: "/klatch-1f_bg.wasm" })"#;
        let wanted = ["/klatch-1f.js", "/klatch-1f_bg.wasm", "/tokens-12ab.css"].map(str::to_owned);
        assert_eq!(mentions(text), BTreeSet::from(wanted));
    }
}
