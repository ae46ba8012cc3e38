//! Secrets that the program is told come from files, never from the command line: that anybody on the machine can read.

use std::io;
use std::path::{Path, PathBuf};

use klatch_relay::Secret;

use crate::small_file;

/// Longer is no secret but another file.
const MAX_BYTES: usize = 4096;

/// Why a file yields no secret.
#[derive(Debug, thiserror::Error)]
pub enum BadSecretFile {
    /// It can't be read.
    #[error("can't read the secret file {path}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has nothing but white space.
    #[error("the secret file {0} is empty")]
    Empty(PathBuf),
    /// It is too long.
    #[error("the secret file {0} has more than {MAX_BYTES} bytes")]
    TooLong(PathBuf),
}

/// What stands in a file, without the white space around it: editors end a file with a new line.
pub(crate) fn read(path: &Path) -> Result<Secret, BadSecretFile> {
    let bytes = small_file::read_up_to(MAX_BYTES, path)
        .map_err(|source| BadSecretFile::Unreadable { path: path.into(), source })?
        .ok_or_else(|| BadSecretFile::TooLong(path.into()))?;
    Secret::new(bytes.trim_ascii()).map_err(|_| BadSecretFile::Empty(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_from(content: &[u8]) -> Result<Secret, BadSecretFile> {
        let path = std::env::temp_dir().join(format!("klatch-secret-{}-{}", std::process::id(), content.len()));
        std::fs::write(&path, content).expect("a place for files");
        let read = read(&path);
        std::fs::remove_file(&path).expect("it is there");
        read
    }

    #[test]
    fn a_secret_is_what_stands_in_the_file_without_the_space_around_it() {
        let credentials = |secret: &Secret| secret.credentials(&"ana".parse().expect("a name"), 0, 600);
        let plain = credentials(&Secret::new(b"a secret").expect("not empty"));
        for content in [&b"a secret"[..], b"a secret\n", b"  a secret\r\n\n"] {
            assert_eq!(credentials(&read_from(content).expect("a secret")), plain);
        }
    }

    #[test]
    fn what_is_no_secret_says_why() {
        assert!(matches!(read(Path::new("/nowhere")), Err(BadSecretFile::Unreadable { .. })));
        assert!(matches!(read(Path::new("/")), Err(BadSecretFile::Unreadable { .. })));
        assert!(matches!(read_from(b""), Err(BadSecretFile::Empty(_))));
        assert!(matches!(read_from(b" \n"), Err(BadSecretFile::Empty(_))));
        assert!(read_from(&[b'a'; 4096]).is_ok());
        assert!(matches!(read_from(&[b'a'; 4097]), Err(BadSecretFile::TooLong(_))));
        assert!(matches!(read(Path::new("/dev/zero")), Err(BadSecretFile::TooLong(_))));
    }
}
