//! Parts of pages: state in, intents out, no state of their own but what a field needs.
//!
//! What has neither state nor effects is a function: a component costs 3 KB in the page, a function nothing.

mod attribute;
mod banner;
mod chat;
mod chat_log;
mod choice;
mod devices;
mod dom;
mod draft;
mod effect;
mod entry;
mod field;
mod icon;
mod invite;
mod links;
mod message;
pub mod meter;
mod notices;
mod own;
mod panel;
mod people;
mod place;
pub mod playback;
mod settings;
mod stage;
mod switch;
mod tag;
mod theme;
mod tile;
mod tool;
mod toolbar;
mod volume;

pub(crate) use attribute::{click, join};
pub(crate) use banner::banner;
pub(crate) use chat::ChatPanel;
pub(crate) use choice::theme_choice;
pub(crate) use devices::device_choices;
pub(crate) use dom::focus_id;
pub(crate) use draft::Draft;
pub(crate) use entry::Entry;
pub(crate) use field::{Field, error_line};
pub(crate) use icon::{Glyph, icon, icon_as};
pub(crate) use invite::invite_panel;
pub(crate) use notices::notices;
pub(crate) use people::people_panel;
pub(crate) use place::use_place;
pub(crate) use settings::settings_panel;
pub(crate) use stage::stage;
pub(crate) use switch::switch;
pub(crate) use theme::use_theme;
pub(crate) use tool::{Role, Tool};
pub(crate) use toolbar::toolbar;
