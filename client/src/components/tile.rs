//! A member's tile: the person, or the screen they share, with its sound and how the link is.

use std::rc::Rc;

use web_sys::Element;
use yew::prelude::*;

use super::attribute::{click, data_path, data_state, hue_class, join, modified, truth};
use super::dom::document;
use super::icon::{Glyph, icon};
use super::playback::{Audio, Video};
use super::tag::{Tag, microphone, trouble};
use super::volume::volume;
use crate::state::{Intent, Member, Sound, TileId, hue, tile_id};

#[derive(Properties, PartialEq)]
pub struct Props {
    pub member: Rc<Member>,
    /// The screen, not the person.
    pub screen: bool,
    /// On the stage, large.
    pub staged: bool,
    /// The speaker to play on.
    pub speaker: Option<String>,
    /// Sound is held back until a click.
    pub blocked: bool,
    pub on_intent: Callback<Intent>,
}

/// Another member's. The media elements stay the same ones, whatever becomes of the rest, for as long as they have something to play.
#[component]
pub fn MemberTile(props: &Props) -> Html {
    let Props { member, screen, staged, on_intent, .. } = props;
    let (id, health, screen, staged) = (member.id, member.health, *screen, *staged);
    let open = use_state_eq(|| false);
    let speaking = !screen && member.speaking && member.sends.microphone;
    let view = if screen { View::screen(member) } else { View::person(member) };
    let class = modified(
        "tile",
        &[
            (hue_class(hue(id)), true),
            ("tile--screen", screen),
            ("tile--speaking", speaking),
            ("tile--staged", staged),
            ("tile--open", *open),
        ],
    );
    let on_more = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let View { tile, name, suffix, picture, sound, silent, loudness, muted, of } = view;
    let (glyph, says) =
        if screen { (Glyph::Screen, "shared screen") } else { microphone(member.sends.microphone, speaking) };
    html! {
        <div {class} id={tile_id(tile)} role="group" aria-label={name.clone()} data-kind={if screen { "screen" } else { "person" }}
            data-state={data_state(health)} data-path={data_path(health, member.path)}>
            if let Some(stream) = picture {
                <Video {stream} mirrored=false label={name.clone()}
                    class={if screen { "tile__video tile__video--whole" } else { "tile__video" }} />
            } else if screen {
                <p class="tile__waiting">{ "Waiting for the picture…" }</p>
            } else {
                <span class="avatar" aria-hidden="true">{ &member.initial }</span>
            }
            { cover(tile, &name, staged, on_intent) }
            if let Some(words) = trouble(member) {
                <p class="tile__trouble">{ words }</p>
            }
            { Tag { glyph, says, name: &member.label, suffix, silenced: muted && !silent, health: (!screen).then_some(health) }.view() }
            <button type="button" class="tile__more mini" aria-label={join("Controls of ", &name)} aria-expanded={truth(*open)} onclick={on_more}>
                { icon(Glyph::More) }
            </button>
            <div class="tile__controls">
                if !silent {
                    { volume(&name, id, of, loudness, muted, on_intent) }
                }
                if screen {
                    { full_screen(&name) }
                }
            </div>
            if let Some(stream) = sound {
                <Audio {stream} volume={loudness} {muted} speaker={props.speaker.clone()} blocked={props.blocked}
                    on_blocked={on_intent.reform(|()| Intent::SoundHeldBack)} />
            }
        </div>
    }
}

/// What is on a member's tile.
struct View {
    tile: TileId,
    name: AttrValue,
    suffix: &'static str,
    picture: Option<web_sys::MediaStream>,
    sound: Option<web_sys::MediaStream>,
    /// Nothing to be heard, ever.
    silent: bool,
    loudness: u16,
    muted: bool,
    of: Sound,
}

impl View {
    fn person(member: &Member) -> Self {
        Self {
            tile: TileId::Person(member.id),
            name: member.label.clone().into(),
            suffix: "",
            picture: member.camera.clone().filter(|_| member.sends.camera),
            // Nobody is heard who is shown as muted.
            sound: member.microphone.clone().filter(|_| member.sends.microphone),
            silent: false,
            loudness: member.loudness.volume,
            muted: member.loudness.muted,
            of: Sound::Voice,
        }
    }

    fn screen(member: &Member) -> Self {
        Self {
            tile: TileId::Screen(member.id),
            name: join(&member.label, "’s screen"),
            suffix: "’s screen",
            picture: member.screen.clone(),
            sound: member.screen_sound.clone().filter(|_| member.sends.screen_sound),
            silent: !member.sends.screen_sound,
            loudness: member.loudness.screen_volume,
            muted: member.loudness.screen_muted,
            of: Sound::Screen,
        }
    }
}

/// The whole tile as a button: onto the stage, or back.
pub fn cover(tile: TileId, name: &str, staged: bool, on_intent: &Callback<Intent>) -> Html {
    let onclick = click(on_intent, Intent::PutOnStage((!staged).then_some(tile)));
    html! {
        <button type="button" class="tile__cover" aria-label={join("Put on the stage: ", name)} aria-pressed={truth(staged)} {onclick}></button>
    }
}

/// A screen wants all the room there is.
fn full_screen(name: &str) -> Html {
    let onclick = Callback::from(|event: MouseEvent| {
        let Some(document) = document() else { return };
        let tile = event.target_dyn_into::<Element>().and_then(|button| button.closest(".tile").ok().flatten());
        if document.fullscreen_element().is_some() {
            document.exit_fullscreen();
        } else if let Some(tile) = tile {
            // Refused where the system has no full screen (iPhones): nothing is lost then.
            let _ = tile.request_fullscreen();
        }
    });
    let label = join("Full screen: ", name);
    html! { <button type="button" class="mini" aria-label={label.clone()} title={label} {onclick}>{ icon(Glyph::Expand) }</button> }
}
