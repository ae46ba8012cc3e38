//! Loudness of one sound: a slider to 200 % and a mute button.

use klatch_shared::MemberId;
use yew::prelude::*;

use super::attribute::{click, join, truth, typed};
use super::icon::{Glyph, icon};
use crate::state::{Intent, Sound};

/// The controls of a member's voice or screen, named `name`.
pub fn volume(
    name: &str,
    member: MemberId,
    sound: Sound,
    volume: u16,
    muted: bool,
    on_intent: &Callback<Intent>,
) -> Html {
    let on_input = on_intent.reform(move |value: String| Intent::Volume(member, sound, value.parse().unwrap_or(100)));
    let onclick = click(on_intent, Intent::Mute(member, sound, !muted));
    let value = volume.to_string();
    let percent = join(&value, " %");
    let mute = join("Mute ", name);
    html! {
        <div class={if muted { "volume volume--muted" } else { "volume" }}>
            <button type="button" class={if muted { "mini mini--on" } else { "mini" }} aria-label={mute.clone()} title={mute}
                aria-pressed={truth(muted)} {onclick}>
                { icon(if muted { Glyph::VolumeOff } else { Glyph::Volume }) }
            </button>
            <input class={if volume > 100 { "slider slider--loud" } else { "slider" }} type="range" min="0" max="200" step="5" {value}
                aria-label={join("Volume of ", name)} aria-valuetext={percent.clone()} oninput={typed(on_input)} />
            <span class="volume__percent" aria-hidden="true">{ percent }</span>
        </div>
    }
}
