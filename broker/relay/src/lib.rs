//! The STUN and TURN relay that `klatch --turn` runs: what lets members behind strict NATs get through.
//!
//! It does what browsers use of RFC 8489 and RFC 8656, and that is all: Binding, UDP allocations over UDP, TCP and TLS, on
//! IPv4 and IPv6, permissions, channels, Send and Data. Reserved ports, DONT-FRAGMENT, a second address family for one
//! allocation, mobility and TCP allocations are refused as the RFCs let one refuse them. ICMP errors are not told to clients
//! (RFC 8656 §11.5), and neither DSCP nor ECN is passed on (§15): browsers use none of it.
//!
//! [`core`] is the whole protocol as a pure state machine; [`Relay`] runs one on sockets.

pub mod core;
#[doc(hidden)]
pub mod fuzzing;

mod admission;
mod bucket;
mod cidr;
mod credentials;
mod doorstep;
mod figures;
mod integrity;
mod io;
mod limits;
mod message;
mod nonce;
mod policy;
mod setting;
mod wire;

pub use admission::{Admission, Everyone, Group};
pub use cidr::{BadCidr, Cidr};
pub use credentials::{BadHolder, BadRealm, Credentials, EmptySecret, Holder, Realm, Secret};
pub use figures::Figures;
pub use io::{
    Addresses, Config, Entrance, Meter, Relay, StartError, Usher, is_without, outward, own_addresses, own_interfaces,
};
pub use limits::Limits;
pub use policy::{Policy, is_public};
pub use setting::{BadLimit, Limit, LimitSetting};
pub use wire::{Framing, HEADROOM, TAILROOM};
