//! Who is here, and how one hears and sees them.

use klatch_mesh::Health;
use yew::prelude::*;

use super::attribute::{click, hue_class, join, modified, truth};
use super::icon::{Glyph, icon, icon_as};
use super::panel::PanelFrame;
use super::tag::microphone;
use crate::state::{Conduct, Intent, LocalMedia, Member, Panel, Path, Room, hue};

/// The panel.
pub fn people_panel(room: &Room, local: &LocalMedia, on_intent: &Callback<Intent>) -> Html {
    let note = if room.members.is_empty() {
        "Nobody else is here yet. Send them the invitation link."
    } else {
        "How loud somebody is, is set on the tile. Who is hidden is neither seen nor heard, by you alone."
    };
    let (mic, says) = microphone(local.is_heard(), false);
    html! {
        <PanelFrame key="people" panel={Panel::People} on_intent={on_intent.clone()}>
            <ul class="people" role="list" aria-label="Members">
                <li class={modified("people__row", &[(hue_class(hue(room.me.id)), true)])}>
                    <span class="avatar avatar--small" aria-hidden="true">{ room.me.name.initial().to_owned() }</span>
                    <div class="people__who">
                        <p class="people__name"><bdi>{ room.me.label.clone() }</bdi>{ " (you)" }</p>
                        <p class="people__how">{ if room.creator { "You opened this room" } else { "This is you" } }</p>
                    </div>
                    { icon_as("icon people__mark", mic) }<span class="visually-hidden">{ says }</span>
                </li>
                { for room.members.iter().map(|member| row(member, on_intent)) }
            </ul>
            <p class="panel__note">{ note }</p>
        </PanelFrame>
    }
}

fn row(member: &Member, on_intent: &Callback<Intent>) -> Html {
    let hidden = member.hidden;
    let hide = join("Hide ", &member.label);
    let (mic, says) = microphone(member.sends.microphone, member.speaking);
    html! {
        <li key={member.id.to_string()} class={modified("people__row", &[(hue_class(hue(member.id)), true), ("people__row--hidden", hidden)])}>
            <span class="avatar avatar--small" aria-hidden="true">{ &member.initial }</span>
            <div class="people__who">
                <p class="people__name"><bdi>{ &member.label }</bdi></p>
                <p class="people__how">{ link(member) }{ ours(member) }</p>
                { conduct(member, on_intent) }
            </div>
            { icon_as("icon people__mark", mic) }<span class="visually-hidden">{ says }</span>
            <button type="button" class={if hidden { "mini mini--on" } else { "mini" }} aria-label={hide.clone()} title={hide}
                aria-pressed={truth(hidden)} onclick={click(on_intent, Intent::Hide(member.id, !hidden))}>
                { icon(if hidden { Glyph::EyeOff } else { Glyph::Eye }) }
            </button>
        </li>
    }
}

/// What is wrong with how they behave, and what can be done about it.
fn conduct(member: &Member, on_intent: &Callback<Intent>) -> Html {
    let (says, label, cut) = match member.conduct {
        Conduct::Good | Conduct::Refuses => return Html::default(),
        Conduct::Bad => ("Sends too much, or what this page cannot read. ", "Drop the connection", true),
        Conduct::Cut => ("", "Connect again", false),
    };
    html! {
        <p class="people__how">
            { says }
            <button type="button" class="act" onclick={click(on_intent, Intent::Cut(member.id, cut))}>{ label }</button>
        </p>
    }
}

/// How the link is, in a few words.
fn link(member: &Member) -> &'static str {
    match (member.health, member.path) {
        _ if member.conduct == Conduct::Cut => "Connection dropped by you",
        _ if member.conduct == Conduct::Refuses => "Has dropped the connection to you",
        (Health::Connecting, _) => "Connecting…",
        (Health::Interrupted, _) => "Interrupted, reconnecting…",
        (Health::Failed, _) => "No connection, still trying",
        (Health::Connected, Some(Path::Relay)) => "Connected over a relay",
        (Health::Connected, Some(Path::Direct)) => "Connected directly",
        (Health::Connected, None) => "Connected",
    }
}

/// What we did to them.
fn ours(member: &Member) -> &'static str {
    match (member.hidden, member.loudness.muted) {
        (true, _) => " · hidden by you",
        (false, true) => " · muted by you",
        (false, false) => "",
    }
}
