//! The mesh as a pure state machine: facts in, orders out, time as a number.
//!
//! A link's life: the roster says that a member is present, the link opens a connection and the newcomer offers;
//! descriptions and candidates cross in exchanges, glare is settled by politeness; tracks come and go and the link
//! renegotiates; the connection's state becomes its health; an ICE restart mends what broke; the member leaves and the link
//! closes. Nothing here touches a browser, a socket or a clock: the driver carries out [`Command`]s and reports
//! [`Input`]s, and every interleaving of two ends can be explored in tests.
//!
//! The contract: after each [`Mesh::handle`] carry out what it ordered, in order, and call it with [`Input::Tick`] when
//! [`Mesh::deadline`] has come. Times are milliseconds of any one clock that does not run backwards.
//!
//! Where things are: [`Input`] and [`Command`] are the two lists of words; `mesh` keeps the links; `link` is one of them and
//! `phase` whose turn it is there; `negotiation` moves it, by what `offering` does for our exchanges and `answering` for theirs;
//! `arrivals` keeps what the other end sent, a `stream` for each side, `sending` and `trickle` what it is sent, and [`Carrier`] how; `health` is how
//! the connection does, `patience` how long we wait, `identity` which connection the other end has. [`Rules`] names what makes
//! two ends agree, so that tests can break one rule at a time. [`Roster`], [`Bar`], [`uplink`], [`Attention`], [`Allowance`], [`Passing`],
//! [`Misdeeds`], [`Returns`] and [`Few`] stand beside all this: what members are called, who is not met, what each is sent, what each looks at, how
//! much each may say, and have passed on, who is named for saying too much, when the server is called again, and a map of a few things. So does
//! [`chat`], a machine of its own.

pub mod chat;
pub mod uplink;

mod allowance;
mod answering;
mod arrivals;
mod attention;
mod bar;
mod carrier;
mod command;
mod few;
mod health;
mod identity;
mod input;
mod link;
mod mesh;
mod misdeeds;
mod negotiation;
mod offering;
mod passing;
mod patience;
mod phase;
mod returns;
mod roster;
mod rules;
mod sending;
mod stream;
mod trickle;
mod turn;

pub use allowance::Allowance;
pub use attention::Attention;
pub use bar::{Bar, Memory};
pub use carrier::Carrier;
pub use command::{Command, Health};
pub use few::Few;
pub use input::{ConnectionState, Input, Kind, LinkId, Signal};
pub use mesh::Mesh;
pub use misdeeds::Misdeeds;
pub use passing::Passing;
pub use returns::Returns;
pub use roster::{Roster, in_sentence};
pub use rules::{Protocol, Rule, Rules};
