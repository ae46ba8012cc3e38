//! The words on a tile: whose it is, whether one is heard, and how the link is.

use klatch_mesh::Health;
use yew::prelude::*;

use super::icon::{Glyph, icon_as};
use crate::state::{Conduct, Member};

/// What a tag says.
pub struct Tag<'a> {
    pub glyph: Glyph,
    /// What the icon says, for those who don't see it.
    pub says: &'static str,
    /// The name, in whatever script.
    pub name: &'a str,
    /// What comes after it.
    pub suffix: &'static str,
    /// Muted by us.
    pub silenced: bool,
    /// None for what is our own.
    pub health: Option<Health>,
}

impl Tag<'_> {
    /// On the tile.
    pub fn view(self) -> Html {
        let class = if self.glyph == Glyph::Speaking {
            "icon tag__icon tag__icon--speaking"
        } else if self.glyph == Glyph::MicOff {
            "icon tag__icon tag__icon--off"
        } else {
            "icon tag__icon"
        };
        html! {
            <div class="tag">
                { icon_as(class, self.glyph) }
                <span class="visually-hidden">{ self.says }</span>
                <span class="tag__name"><bdi>{ self.name.to_owned() }</bdi>{ self.suffix }</span>
                if self.silenced {
                    { icon_as("icon tag__icon tag__icon--off", Glyph::VolumeOff) }
                    <span class="visually-hidden">{ "muted by you" }</span>
                }
                if let Some(health) = self.health {
                    <span class={bars(health)} aria-hidden="true"><i></i><i></i><i></i></span>
                }
            </div>
        }
    }
}

/// The icon and its words for a microphone.
pub fn microphone(on: bool, speaking: bool) -> (Glyph, &'static str) {
    match (on, speaking) {
        (false, _) => (Glyph::MicOff, "microphone off"),
        (true, true) => (Glyph::Speaking, "speaking"),
        (true, false) => (Glyph::Mic, "microphone on"),
    }
}

/// Three bars for a link that works; words for one that does not stand on the tile.
fn bars(health: Health) -> &'static str {
    match health {
        Health::Connected => "bars",
        Health::Connecting | Health::Interrupted => "bars bars--low",
        Health::Failed => "bars bars--none",
    }
}

/// What a tile says across its middle while its link does not work.
pub fn trouble(member: &Member) -> Option<&'static str> {
    match (member.conduct, member.health) {
        (Conduct::Cut, _) => Some("Connection dropped by you."),
        (Conduct::Refuses, _) => Some("Connection dropped by them."),
        (Conduct::Good | Conduct::Bad, Health::Connected) => None,
        (Conduct::Good | Conduct::Bad, Health::Connecting) => Some("Connecting…"),
        (Conduct::Good | Conduct::Bad, Health::Interrupted) => Some("Interrupted. Reconnecting…"),
        (Conduct::Good | Conduct::Bad, Health::Failed) => Some("No connection. Still trying."),
    }
}
