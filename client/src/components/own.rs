//! Our own tiles: our picture, mirrored, and our screen.

use web_sys::MediaStream;
use yew::prelude::*;

use super::attribute::{hue_class, join, modified};
use super::icon::Glyph;
use super::playback::Video;
use super::tag::{Tag, microphone};
use super::tile::cover;
use crate::state::{Intent, LocalMedia, LocalTile, TileId, hue};

/// Ourselves.
pub fn own_tile(me: &LocalTile, local: &LocalMedia, staged: bool, on_intent: &Callback<Intent>) -> Html {
    let heard = local.is_heard();
    let speaking = local.speaking && heard;
    let label = join(&me.label, " (you)");
    let class = modified(
        "tile tile--own",
        &[(hue_class(hue(me.id)), true), ("tile--speaking", speaking), ("tile--staged", staged)],
    );
    let (glyph, says) = microphone(heard, speaking);
    html! {
        <div key="own" {class} role="group" aria-label={label.clone()} data-kind="person">
            if let Some(stream) = local.camera.stream() {
                <Video stream={Clone::clone(stream)} mirrored=true label={label.clone()} class="tile__video" />
            } else {
                <span class="avatar" aria-hidden="true">{ me.name.initial().to_owned() }</span>
            }
            { cover(TileId::Person(me.id), &label, staged, on_intent) }
            { Tag { glyph, says, name: &me.label, suffix: " (you)", silenced: false, health: None }.view() }
        </div>
    }
}

/// Our own screen.
pub fn own_screen(me: &LocalTile, stream: &MediaStream, staged: bool, on_intent: &Callback<Intent>) -> Html {
    let label = join(&me.label, "’s screen (you)");
    let class = modified("tile tile--screen tile--own", &[("tile--staged", staged)]);
    html! {
        <div key="own-screen" {class} role="group" aria-label={label.clone()} data-kind="screen">
            <Video stream={Clone::clone(stream)} mirrored=false label={label.clone()} class="tile__video tile__video--whole" />
            { cover(TileId::Screen(me.id), &label, staged, on_intent) }
            { Tag {
                glyph: Glyph::Screen, says: "shared screen", name: &me.label, suffix: "’s screen (you)", silenced: false, health: None,
            }.view() }
        </div>
    }
}
