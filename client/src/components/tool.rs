//! A round button with an icon: what toolbars are made of.

use yew::prelude::*;

use super::attribute::{modified, truth};
use super::icon::{Glyph, icon};

/// What a tool tells of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It does something.
    Does,
    /// It is on or off: `aria-pressed`.
    Toggles(bool),
    /// It opens a panel: `aria-expanded`.
    Opens(bool),
    /// It is a switch: `aria-checked`.
    Switches(bool),
}

/// A round button.
pub struct Tool {
    /// The accessible name, and the tooltip.
    pub label: &'static str,
    pub glyph: Glyph,
    pub role: Role,
    /// More to know: unread messages, why it failed. It takes the tooltip's place.
    pub note: Option<AttrValue>,
    /// A number at the corner.
    pub badge: u32,
    /// Something is awaited.
    pub busy: bool,
    /// Something is wrong.
    pub alert: bool,
    pub id: Option<&'static str>,
    pub class: &'static str,
    pub on_click: Callback<MouseEvent>,
}

impl Tool {
    /// Without anything special.
    pub fn new(label: &'static str, glyph: Glyph, role: Role, on_click: Callback<MouseEvent>) -> Self {
        Self { label, glyph, role, note: None, badge: 0, busy: false, alert: false, id: None, class: "tool", on_click }
    }

    /// As a button.
    pub fn view(self) -> Html {
        let (mut pressed, mut expanded, mut checked) = (None, None, None);
        let on = match self.role {
            Role::Does => false,
            Role::Toggles(on) => {
                pressed = Some(truth(on));
                on
            }
            Role::Opens(on) => {
                expanded = Some(truth(on));
                on
            }
            Role::Switches(on) => {
                checked = Some(truth(on));
                on
            }
        };
        let class = modified(self.class, &[("tool--on", on), ("tool--busy", self.busy), ("tool--alert", self.alert)]);
        let title = self.note.unwrap_or(AttrValue::Static(self.label));
        html! {
            <button type="button" {class} id={self.id} aria-label={self.label} {title} role={checked.map(|_| "switch")}
                aria-checked={checked} aria-pressed={pressed} aria-expanded={expanded}
                aria-busy={self.busy.then_some("true")} onclick={self.on_click}>
                { icon(self.glyph) }
                if self.badge > 0 {
                    <span class="tool__badge" aria-hidden="true">{ badge_text(self.badge) }</span>
                }
                if self.alert {
                    <span class="tool__alert" aria-hidden="true">{ "!" }</span>
                }
            </button>
        }
    }
}

fn badge_text(count: u32) -> AttrValue {
    if count > 99 { AttrValue::Static("99+") } else { count.to_string().into() }
}
