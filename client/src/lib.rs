//! The page: a Yew app around an engine.
//!
//! Components show a [`state::State`] and emit [`state::Intent`]s; the [`engine`] carries intents out (broker's socket, mesh, devices)
//! and tells what came of it in [`state::Action`]s, which change the state in one place.

pub mod app;
pub mod components;
pub mod engine;
#[cfg(feature = "gallery")]
pub mod gallery;
pub mod pages;
pub mod state;
