//! Files that hold a key: their owner's alone, and whole or not there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use klatch_shared::random_bytes;

/// Writes it aside and puts it in its place: whoever dies meanwhile leaves what was there before.
pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{:016x}.new", u64::from_be_bytes(random_bytes())));
    let aside = PathBuf::from(aside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let written =
        file.write_all(content.as_ref()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}
