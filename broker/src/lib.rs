//! The program `klatch`: a switchboard that can't listen, with the page inside.
//!
//! - [`Config`] is what the program can be told, [`Limits`] what it bounds; [`serve`] binds and serves.
//! - A connection is TLS first, where a certificate was named (`tls`), then HTTP (`connection`, `routes`, `page`) and at last, for a
//!   member, one WebSocket in one task (`socket`).
//! - [`rooms`] decides everything that is about rooms, and does nothing else: no clock, no IO, no await.
//! - The `switchboard` is where they meet: a connection asks, rooms decide, everybody concerned is told in that order.
//! - `check` tries all that is configured, and serves nobody.
//! - `host_codes` tells who may open rooms, where not everybody may.
//! - `state` keeps rooms in a file, where one is named: what is told of a decision waits until it is written down.
//! - `relay` runs the bundled STUN and TURN relay ([`klatch_relay`]) and tells it who has a seat; `ice` makes the list that members
//!   are handed.
//!
//! What passes through is sealed: names, descriptions and candidates are ciphertext here, and the broker checks only who
//! may send how much of what to whom.

mod address;
mod attend;
mod check;
mod clock;
mod config;
mod connection;
mod doors;
mod files;
mod host_codes;
mod ice;
mod limits;
mod link;
mod listening;
#[cfg(test)]
mod logged;
mod metrics;
mod origin;
mod outlet;
mod page;
mod proxies;
mod redirect;
mod relay;
pub mod rooms;
mod routes;
mod secret;
mod server;
mod site;
mod small_file;
mod socket;
mod state;
mod stranger;
mod stream;
mod switchboard;
mod tables;
mod tls;
mod trouble;
mod unfinished;
mod watched;

pub use address::Address;
pub use check::{Finding, chained, check};
pub use config::{BadConfig, BadConfigFile, BadSpan, Config, Fault, LogFormat, Place, Span, completions, one_line};
pub use host_codes::{BadHostCodeFile, BadLine};
pub use ice::{BadIceUrl, IceUrl};
pub use limits::Limits;
pub use link::{BadLink, Link};
pub use listening::BadAddress;
pub use origin::{BadOrigin, Origin};
pub use page::client_hashes;
pub use relay::{BadPorts, Ports, RelayError, RelayFlags};
pub use secret::BadSecretFile;
pub use server::{Failure, ServeError, Server, serve};
pub use socket::quarters::step_back;
pub use state::StateError;
pub use tls::{
    BadAcme, BadCertificate, BadDirectoryUrl, BadDomain, BadPeriod, DirectoryUrl, Domain, Moment, TlsError, TlsFlags,
};
