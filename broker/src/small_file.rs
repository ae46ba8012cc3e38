//! Files that are read whole, as configurations and certificates are. None of them is large: one that is, or has no end, is another
//! than was meant, and would fill the memory.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// A hundred times what any of them has.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// All that is in it.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it has more than 1 MiB, so it is another than was meant",
        ));
    }
    Ok(bytes)
}

/// The same of text.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}
