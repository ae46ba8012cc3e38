//! What the relay asks the broker: is the holder of these credentials still in, and which room do they count for.

use crate::credentials::Holder;

/// What several holders' traffic is counted under: a room, to the broker. The relay only compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Group(pub u64);

/// Who may relay. Asked on the relay's own thread at each Allocate and Refresh, never for a packet: it must not block
/// longer than a look into a table takes. Who is not admitted any more is told by [`Usher`](crate::Usher).
pub trait Admission: Send + Sync + 'static {
    /// The group of a holder who is still admitted; `None` for anybody else.
    fn group(&self, holder: &Holder) -> Option<Group>;
}

/// Admits whoever has credentials, all in one group.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everyone;

impl Admission for Everyone {
    fn group(&self, _: &Holder) -> Option<Group> {
        Some(Group(0))
    }
}
