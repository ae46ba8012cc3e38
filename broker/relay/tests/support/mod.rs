//! What the relay's tests speak: requests written and replies read by the codecs alone, so that what we sign, frame and
//! parse by hand is judged by somebody else.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses a part of it, and fails where that fails")]

pub mod speech;
pub mod visitor;
pub mod world;
