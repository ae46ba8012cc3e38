//! Who may open rooms, where not everybody may: who shows a code that stands in a file. It is read at start, and again once it has changed.
//!
//! Only hashes are kept. They are plain SHA-256, as a slow hash would be a burden that any stranger can put on the broker: what is long
//! and random is not found from it, and what people remember should not stand hashed in a file that others may read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use klatch_shared::{HostCode, HostCodeHash};
use tokio::sync::watch;

use crate::rooms::Right;
use crate::small_file;
use crate::watched::Watched;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// Longer is no list of codes but another file.
const MAX_BYTES: usize = 64 * 1024;
/// What is shorter is guessed, however slowly.
const MIN_CHARS: usize = 8;
/// What a hashed code begins with, before a colon.
const HASHED: &str = "sha256";

/// The codes that open rooms at the moment, or that none is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostCodes(Option<Arc<watch::Sender<Vec<HostCodeHash>>>>);

/// Why a file yields no codes.
#[derive(Debug, thiserror::Error)]
pub enum BadHostCodeFile {
    /// It can't be read.
    #[error("can't read the host codes in {0}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is too long.
    #[error("the file of host codes {0} has more than {MAX_BYTES} bytes")]
    TooLong(PathBuf),
    /// It has none.
    #[error("there is no code in the file of host codes {0}: write one a line")]
    Empty(PathBuf),
    /// One of them is none.
    #[error("line {1} of the file of host codes {0}: {2}")]
    Line(PathBuf, usize, BadLine),
}

/// What is wrong with a line. What stands there is not said: it is a secret, or nearly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    /// It is guessed too soon.
    #[error(
        "a code has at least {MIN_CHARS} characters, and had better be long and random, as `openssl rand -hex 16` makes one"
    )]
    Short,
    /// It can't be typed.
    #[error(transparent)]
    Untypable(#[from] klatch_shared::BadHostCode),
    /// It begins like a hash.
    #[error(
        "right behind {HASHED} stand a colon and 64 hexadecimal digits, as `printf %s CODE | sha256sum` prints them"
    )]
    Hash,
}

impl HostCodes {
    /// Whether one is wanted.
    pub(crate) fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// What somebody may who shows this code, or none. All codes are compared with it, so that the time tells nothing.
    pub(crate) fn right_of(&self, code: Option<&HostCode>) -> Right {
        let Some(known) = &self.0 else { return Right::Everybodys };
        let Some(code) = code else { return Right::Unshown };
        let hash = code.hash();
        let is_known = known.borrow().iter().fold(false, |found, known| found | (*known == hash));
        if is_known { Right::Shown } else { Right::Wrong }
    }
}

/// The file, and the codes in it.
#[derive(Debug)]
pub(crate) struct CodeFile {
    file: Watched<1>,
    known: Arc<watch::Sender<Vec<HostCodeHash>>>,
}

impl CodeFile {
    /// Reads it.
    pub(crate) fn read(path: &Path) -> Result<Self, BadHostCodeFile> {
        let (file, codes) = Watched::read([path], codes_in)?;
        Ok(Self { file, known: Arc::new(watch::Sender::new(codes)) })
    }

    /// The codes in it, now and later.
    pub(crate) fn codes(&self) -> HostCodes {
        HostCodes(Some(Arc::clone(&self.known)))
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.known.borrow().len()
    }

    /// Looks at the file from time to time, for as long as it is polled.
    pub(crate) async fn keep_fresh(mut self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.refresh();
        }
    }

    /// Reads it again if it has changed. While it can't be read, as it may be half written, the codes stay as they were.
    fn refresh(&mut self) {
        match self.file.again(codes_in) {
            None => {}
            Some(Ok(codes)) => {
                self.known.send_replace(codes);
                tracing::info!("the host codes were read again");
            }
            Some(Err(reason)) => tracing::warn!("the host codes that were read before still hold: {reason}"),
        }
    }
}

fn codes_in([path]: [&Path; 1]) -> Result<Vec<HostCodeHash>, BadHostCodeFile> {
    let unreadable = |error| BadHostCodeFile::Unreadable(path.into(), error);
    let bytes = small_file::read_up_to(MAX_BYTES, path)
        .map_err(unreadable)?
        .ok_or_else(|| BadHostCodeFile::TooLong(path.into()))?;
    let text = small_file::text(bytes).map_err(unreadable)?;
    // Some editors begin a file with a mark of their own.
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let codes = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let codes = codes.map(|(line, number)| hash(line).map_err(|bad| BadHostCodeFile::Line(path.into(), number, bad)));
    let codes: Vec<_> = codes.collect::<Result<_, _>>()?;
    if codes.is_empty() { Err(BadHostCodeFile::Empty(path.into())) } else { Ok(codes) }
}

fn hash(line: &str) -> Result<HostCodeHash, BadLine> {
    if let Some((name, sum)) = line.split_once(':').filter(|(name, _)| name.trim_end().eq_ignore_ascii_case(HASHED)) {
        let is_right_behind = !name.ends_with(char::is_whitespace);
        return digits(sum).filter(|_| is_right_behind).and_then(HostCodeHash::from_hex).ok_or(BadLine::Hash);
    }
    if line.chars().count() < MIN_CHARS {
        return Err(BadLine::Short);
    }
    Ok(line.parse::<HostCode>()?.hash())
}

/// The digits of what sha256sum prints: behind them stands what they are the hash of, which is its standard input.
fn digits(sum: &str) -> Option<&str> {
    let mut words = sum.split_whitespace();
    let digits = words.next();
    matches!((words.next(), words.next()), (None | Some("-" | "*-"), None)).then_some(digits).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is gone with the test.
    struct Codes(PathBuf);

    impl Codes {
        fn with(name: &str, text: &str) -> Self {
            let file = Self(std::env::temp_dir().join(format!("klatch-codes-{}-{name}", std::process::id())));
            file.write(text);
            file
        }

        /// No two are of the same length here, so each is seen to be another.
        fn write(&self, text: &str) {
            std::fs::write(&self.0, text).expect("a place for files");
        }

        fn read(&self) -> Result<CodeFile, BadHostCodeFile> {
            CodeFile::read(&self.0)
        }
    }

    impl Drop for Codes {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn right(codes: &HostCodes, code: &str) -> Right {
        codes.right_of(Some(&code.parse().expect("a code")))
    }

    #[test]
    fn codes_stand_one_a_line_plain_or_hashed_between_comments_and_blank_lines() {
        let hashed = "sha256:5bf6e4ff1a6dd8e4b4f2a3d3eb8ee2f6cbdc3bf4e6f9d9f4a3f4f5c8c8f1c1d2";
        let file = Codes::with(
            "many",
            &format!("# ours\n\n  correct horse \r\n#no code of ours\n{hashed}\nCafe\u{301} du coin\n"),
        );
        let codes = file.read().expect("codes").codes();
        for good in ["correct horse", " correct horse", "Café du coin"] {
            assert_eq!(right(&codes, good), Right::Shown, "{good}");
        }
        for bad in ["Correct horse", "correct", "# ours", "no code of ours", hashed] {
            assert_eq!(right(&codes, bad), Right::Wrong, "{bad}");
        }
        assert_eq!(codes.right_of(None), Right::Unshown);
    }

    #[test]
    fn a_hashed_code_is_opened_by_what_it_is_the_hash_of() {
        // printf %s 'a long and random one' | sha256sum
        let digits = "98db20571f7329cbf8cdc649686892ddf2ffc456e7a71ca9d81a750ce1a42917";
        for line in [
            format!("sha256:{digits}\n"),
            format!("sha256:{digits}  -\n"),
            format!("Sha256: {digits} *-\r\n"),
            format!("\u{feff}SHA256:{}", digits.to_uppercase()),
        ] {
            let file = Codes::with("hashed", &line);
            assert_eq!(right(&file.read().expect(&line).codes(), "a long and random one"), Right::Shown, "{line}");
        }
    }

    #[test]
    fn a_mark_at_the_beginning_of_the_file_is_no_part_of_a_code() {
        let codes = Codes::with("marked", "\u{feff}correct horse\n").read().expect("a code").codes();
        assert_eq!(right(&codes, "correct horse"), Right::Shown);
        let file = Codes::with("marked comment", "\u{feff}# ours\n");
        assert!(matches!(file.read(), Err(BadHostCodeFile::Empty(_))));
    }

    #[test]
    fn where_there_is_no_file_everybody_may() {
        let codes = HostCodes::default();
        assert!(!codes.are_wanted());
        assert_eq!((codes.right_of(None), right(&codes, "anything")), (Right::Everybodys, Right::Everybodys));
    }

    #[test]
    fn what_is_no_code_is_told_by_its_line_and_not_shown() {
        for (text, says) in [
            ("# a\nsecret1\n", "line 2 of the file of host codes"),
            ("a long code\nsha256:secret\n", "line 2 of the file of host codes"),
            ("sha256:\n", "64 hexadecimal digits"),
            (&format!("sha256 :{}\n", "0".repeat(64)), "right behind sha256"),
            (&format!("SHA256 : {}\n", "0".repeat(64)), "right behind sha256"),
            (&format!("sha256:{}  secret.txt\n", "0".repeat(64)), "64 hexadecimal digits"),
            (&format!("sha256:{} - -\n", "0".repeat(64)), "64 hexadecimal digits"),
            ("a secret\tcode\n", "no control characters"),
            (&"secret".repeat(100), "1 to 256 bytes"),
            ("", "no code in the file"),
            ("# secret\n\n", "no code in the file"),
            (&"a\n".repeat(40_000), "more than 65536 bytes"),
        ] {
            let said = Codes::with("bad", text).read().expect_err(says).to_string();
            assert!(said.contains(says) && !said.contains("secret"), "{said}");
        }
        let unreadable = |path: &str| matches!(CodeFile::read(Path::new(path)), Err(BadHostCodeFile::Unreadable(..)));
        assert!(unreadable("/nowhere") && unreadable("/") && unreadable("/dev/full/x"));
    }

    #[test]
    fn a_changed_file_holds_from_then_on_and_a_bad_one_leaves_the_last_in_place() {
        let file = Codes::with("changing", "the first code\n");
        let mut read = file.read().expect("codes");
        let codes = read.codes();
        let hold = |read: &mut CodeFile| {
            read.refresh();
            [right(&codes, "the first code"), right(&codes, "another one")]
        };
        assert_eq!(hold(&mut read), [Right::Shown, Right::Wrong]);
        file.write("another one\nshort\n");
        assert_eq!(hold(&mut read), [Right::Shown, Right::Wrong]);
        file.write("another one\n");
        assert_eq!(hold(&mut read), [Right::Wrong, Right::Shown]);
        std::fs::remove_file(&file.0).expect("it is there");
        assert_eq!(hold(&mut read), [Right::Wrong, Right::Shown]);
        file.write("the first code\nanother one\n");
        assert_eq!(hold(&mut read), [Right::Shown, Right::Shown]);
    }
}
