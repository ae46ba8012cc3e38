//! Whether a file changed since it was last looked at.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::SystemTime;

/// What changes with a file: whoever renews it replaces it or writes it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(SystemTime, u64, u64);

impl Stamp {
    /// Of the file as it is now; none where there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let stamp = |metadata: Metadata| Some(Self(metadata.modified().ok()?, metadata.len(), metadata.ino()));
        std::fs::metadata(path).ok().and_then(stamp)
    }
}
