//! People in rooms, in real browsers; one theme a file.
//!
//! One program rather than one a theme: browsers are started once, and it is linked once.

mod again;
mod blame;
mod chat;
mod devices;
mod doors;
mod effort;
mod faults;
mod five;
mod harness;
mod hostile;
mod hosts;
mod keys;
mod looks;
mod meeting;
mod nat;
mod outage;
mod pictures;
mod relay;
mod revival;
mod screens;
mod seats;
mod secrecy;
mod soak;
mod threshold;
mod update;
mod volume;
mod weight;
