//! What waits for slow readers in the whole broker, as one figure with one bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::limits::Limits;

/// How many bytes wait in all queues together, or are being written.
#[derive(Debug)]
pub(crate) struct Backlog {
    most: usize,
    bytes: AtomicUsize,
}

impl Backlog {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self { most: limits.backlog_bytes as usize, bytes: AtomicUsize::new(0) })
    }

    /// Whether more wait than may.
    pub(crate) fn is_over(&self) -> bool {
        self.bytes() > self.most
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
