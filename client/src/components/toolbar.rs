//! The room's buttons. Each is there at every width: on a phone the outer ones move to the top. Tab and the arrows both go
//! through them.

use yew::prelude::*;

use super::attribute::click;
use super::dom::step_focus;
use super::icon::Glyph;
use super::panel::titles;
use super::tool::{Role, Tool};
use crate::state::{Capture, Intent, LocalMedia, Panel, Room};

/// The toolbar.
pub fn toolbar(room: &Room, local: &LocalMedia, on_intent: &Callback<Intent>) -> Html {
    let onkeydown = Callback::from(|event: KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowRight" => 1,
            "ArrowLeft" => -1,
            _ => return,
        };
        event.prevent_default();
        step_focus(&event, step);
    });
    let heard = local.is_heard();
    let (mic, camera) = (if heard { Glyph::Mic } else { Glyph::MicOff }, local.camera.is_on());
    let source = |label, glyph, capture, on, intent| source(label, glyph, capture, on, click(on_intent, intent));
    let panel = |panel, glyph| panel_tool(room, panel, glyph, on_intent);
    let lock = if room.locked { Glyph::Lock } else { Glyph::Unlock };
    html! {
        <div class="toolbar" role="toolbar" aria-label="Call" {onkeydown}>
            <div class="toolbar__group">
                { source("Microphone", mic, &local.microphone, heard, Intent::ToggleMicrophone) }
                { source("Camera", if camera { Glyph::Camera } else { Glyph::CameraOff }, &local.camera, camera, Intent::ToggleCamera) }
                { source("Share screen", Glyph::Screen, &local.screen, local.screen.is_on(), Intent::ToggleScreen) }
            </div>
            <div class="toolbar__group">
                { panel(Panel::Chat, Glyph::Chat) }
                { panel(Panel::People, Glyph::People) }
            </div>
            <div class="toolbar__group toolbar__group--outer">
                if room.creator {
                    { Tool::new("Lock room", lock, Role::Toggles(room.locked), click(on_intent, Intent::Lock(!room.locked))).view() }
                }
                { panel(Panel::Invite, Glyph::Invite) }
                { panel(Panel::Settings, Glyph::Settings) }
            </div>
            { Tool { class: "tool tool--leave", ..Tool::new("Leave", Glyph::Leave, Role::Does, click(on_intent, Intent::Leave)) }.view() }
        </div>
    }
}

/// One that opens a panel; the chat's says how much was not read.
fn panel_tool(room: &Room, panel: Panel, glyph: Glyph, on_intent: &Callback<Intent>) -> Html {
    let (label, id) = titles(panel);
    let badge = if panel == Panel::Chat { room.chat.unread } else { 0 };
    let note = (badge > 0).then(|| AttrValue::from(badge.to_string() + " unread"));
    let role = Role::Opens(room.panel == Some(panel));
    Tool { id: Some(id), badge, note, ..Tool::new(label, glyph, role, click(on_intent, Intent::TogglePanel(panel))) }
        .view()
}

/// One that switches what we send on and off; also in the lobby.
fn source(label: &'static str, glyph: Glyph, capture: &Capture, on: bool, on_click: Callback<MouseEvent>) -> Html {
    let note = match capture {
        Capture::Failed(why) => Some(AttrValue::from(why.clone())),
        Capture::Off | Capture::Starting | Capture::On(_) => None,
    };
    let (alert, busy) = (note.is_some(), matches!(capture, Capture::Starting));
    Tool { note, alert, busy, class: "tool tool--source", ..Tool::new(label, glyph, Role::Toggles(on), on_click) }
        .view()
}
