//! The stage: all tiles in one container, so that none is torn out of the page when another grows.
//!
//! Without a staged tile they share the room evenly; with one the others stand beside or below it. How large each is, is
//! CSS's: the container says how many there are.

use std::rc::Rc;

use klatch_shared::MemberId;
use yew::prelude::*;

use super::attribute::{click, truth};
use super::icon::{Glyph, icon};
use super::own::{own_screen, own_tile};
use super::tile::MemberTile;
use crate::state::{Intent, Member, Room, State, TileId};

/// The stage. `seen`: those who shared a screen the last time, in the order in which they began.
pub fn stage(room: &Room, state: &State, seen: &mut Vec<MemberId>, on_intent: &Callback<Intent>) -> Html {
    let shown: Vec<&Rc<Member>> = room.members.iter().filter(|member| !member.hidden).collect();
    let screens: Vec<&Rc<Member>> = shown.iter().copied().filter(|member| member.sends.screen).collect();
    seen.retain(|id| screens.iter().any(|member| member.id == *id));
    for member in &screens {
        // Without a stream there is nothing to be put on the stage yet.
        if member.screen.is_some() && !seen.contains(&member.id) {
            seen.push(member.id);
        }
    }
    let staged = room
        .on_stage
        .filter(|tile| is_shown(*tile, room, &shown, state.local.screen.is_on()))
        .or(seen.last().copied().map(TileId::Screen));

    let me = &room.me;
    let own = state.local.screen.stream();
    let rest = shown.len() + 1 + screens.len() + usize::from(own.is_some()) - usize::from(staged.is_some());
    let person = |member: &Rc<Member>, screen: bool| {
        let (tile, key) = match screen {
            true => (TileId::Screen(member.id), "screen-".to_owned() + &member.id.to_string()),
            false => (TileId::Person(member.id), member.id.to_string()),
        };
        html! {
            <MemberTile {key} member={member.clone()} {screen} staged={staged == Some(tile)} speaker={state.speaker()}
                blocked={room.sound_blocked} on_intent={on_intent.clone()} />
        }
    };
    html! {
        <div class="stage">
            if screens.len() + usize::from(own.is_some()) > 1 {
                { chooser(&screens, own.map(|_| me.id), staged, on_intent) }
            }
            <div class={if staged.is_some() { "tiles tiles--staged" } else { "tiles" }} data-count={rest.min(25).to_string()}>
                { for screens.iter().map(|member| person(member, true)) }
                { for own.map(|stream| own_screen(me, stream, staged == Some(TileId::Screen(me.id)), on_intent)) }
                { for shown.iter().map(|member| person(member, false)) }
                { own_tile(me, &state.local, staged == Some(TileId::Person(me.id)), on_intent) }
            </div>
            if room.members.is_empty() {
                <p class="stage__alone">
                    { "Nobody else is here. Send the link under " }{ icon(Glyph::Invite) }{ " Invite to whom you want to see." }
                </p>
            }
        </div>
    }
}

fn is_shown(tile: TileId, room: &Room, shown: &[&Rc<Member>], own_screen: bool) -> bool {
    match tile {
        TileId::Person(id) => id == room.me.id || shown.iter().any(|member| member.id == id),
        TileId::Screen(id) if id == room.me.id => own_screen,
        TileId::Screen(id) => shown.iter().any(|member| member.id == id && member.sends.screen),
    }
}

/// Several screens: which is on the stage.
fn chooser(
    screens: &[&Rc<Member>],
    own: Option<MemberId>,
    staged: Option<TileId>,
    on_intent: &Callback<Intent>,
) -> Html {
    let others = screens.iter().map(|member| (member.id, member.label.as_str()));
    let button = |(id, label): (MemberId, &str)| {
        let tile = TileId::Screen(id);
        let on = staged == Some(tile);
        html! {
            <button type="button" class={if on { "chooser__item chooser__item--on" } else { "chooser__item" }} aria-pressed={truth(on)}
                onclick={click(on_intent, Intent::PutOnStage(Some(tile)))}>
                { icon(Glyph::Screen) }<span class="chooser__name" dir="auto">{ label.to_owned() }</span>
            </button>
        }
    };
    html! {
        <nav class="chooser" aria-label="Shared screens">
            { for others.chain(own.map(|me| (me, "Your screen"))).map(button) }
        </nav>
    }
}
