//! Files that are read at start, and again once they have changed, as whoever renews them replaces them or writes them anew.
//!
//! What can't be used is left aside, as it may be half written, and tried again each time it is looked at: it may become good without
//! being written once more, as when it may be read at last, or when its time has come.

use std::error::Error;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::chained;

/// So many files that are used together.
#[derive(Debug)]
pub(crate) struct Watched<const FILES: usize> {
    paths: [PathBuf; FILES],
    /// The files as they were when what is used was read from them.
    used: [Option<Stamp>; FILES],
    /// What was last said against them since.
    told: Option<String>,
}

impl<const FILES: usize> Watched<FILES> {
    /// Reads them for the first time.
    pub(crate) fn read<T, E>(
        paths: [&Path; FILES],
        read: impl FnOnce([&Path; FILES]) -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        // A change while they are read is seen later.
        let used = paths.map(Stamp::of);
        let content = read(paths)?;
        Ok((Self { paths: paths.map(Path::to_owned), used, told: None }, content))
    }

    /// Where they are.
    pub(crate) fn paths(&self) -> [&Path; FILES] {
        self.paths.each_ref().map(PathBuf::as_path)
    }

    /// Reads them again unless they are as they were when they were last used: what is in them now, or why it can't be used, the latter
    /// only in words that were not the last.
    pub(crate) fn again<T, E: Error>(
        &mut self,
        read: impl FnOnce([&Path; FILES]) -> Result<T, E>,
    ) -> Option<Result<T, String>> {
        let now = self.paths().map(Stamp::of);
        if self.used == now {
            self.told = None;
            return None;
        }
        match read(self.paths()) {
            Ok(content) => {
                (self.used, self.told) = (now, None);
                Some(Ok(content))
            }
            Err(error) => {
                let words = chained(&error);
                let last = self.told.replace(words.clone());
                (last.as_ref() != Some(&words)).then_some(Err(words))
            }
        }
    }
}

/// What changes with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(SystemTime, u64, u64);

impl Stamp {
    /// Of the file as it is now; none where there is none.
    fn of(path: &Path) -> Option<Self> {
        let stamp = |metadata: Metadata| Some(Self(metadata.modified().ok()?, metadata.len(), metadata.ino()));
        std::fs::metadata(path).ok().and_then(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fmt, fs};

    /// A file that is gone with the test.
    struct Scratch(PathBuf);

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    /// Why a file is not used.
    #[derive(Debug, PartialEq)]
    struct Bad(&'static str);

    impl fmt::Display for Bad {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Bad {}

    #[test]
    fn what_can_not_be_used_is_tried_again_until_it_can_and_told_of_once_in_the_same_words() {
        let file = Scratch(std::env::temp_dir().join(format!("klatch-watched-{}", std::process::id())));
        fs::write(&file.0, "first").expect("a place for files");
        let (mut watched, first) = Watched::read([&file.0], |_| Ok::<_, Bad>(1)).expect("it is good");
        let mut again = |read: Result<i32, Bad>| watched.again(|_| read);
        assert_eq!((first, again(Ok(2))), (1, None), "it is as it was");
        fs::write(&file.0, "another").expect("it is ours");
        assert_eq!(again(Err(Bad("unreadable"))), Some(Err("unreadable".into())));
        assert_eq!(again(Err(Bad("unreadable"))), None, "that was said");
        assert_eq!(again(Err(Bad("too early"))), Some(Err("too early".into())));
        assert_eq!(again(Ok(3)), Some(Ok(3)), "nobody has written it again");
        assert_eq!(again(Ok(4)), None);
        fs::remove_file(&file.0).expect("it is there");
        assert_eq!(again(Err(Bad("unreadable"))), Some(Err("unreadable".into())), "that was another time");
    }
}
