//! Files that are read whole, as configurations and certificates are. None of them is large: one that is, or has no end, is another
//! than was meant, and would fill the memory.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// A hundred times what any of them has.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// All that is in it.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_up_to(MAX_BYTES, path)?.ok_or_else(|| {
        io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB, so it is another than was meant")
    })
}

/// The same, or nothing if there is no such file.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// All that is in it, unless that is more than `most` bytes.
pub(crate) fn read_up_to(most: usize, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// The same of text.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    text(read(path)?)
}

/// What was read, as text.
pub(crate) fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}
