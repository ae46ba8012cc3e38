//! What each member is sent, and what we ask to be sent.
//!
//! What we want of a member is what we look at: the height of their tiles as the page shows them now, nothing for a hidden tab or
//! a hidden member. It is measured, not derived, so that it holds for every layout; members are told when it changes.

use klatch_mesh::uplink::Audience;
use klatch_shared::peer::{PeerMessage, Source, Wants};

use super::*;
use crate::state::{TileId, tile_id};

/// Heights are told in steps, so that a tile that grows by a pixel is nobody's business.
const STEP: f64 = 45.0;

impl Session {
    /// What we want of a member's pictures now.
    pub(super) fn wants_of(&self, member: MemberId) -> Wants {
        let state = self.around.store.state();
        let hidden = state.room().and_then(|room| room.member(member)).is_none_or(|member| member.hidden);
        if hidden || super::super::page_is_hidden() {
            return Wants::NOTHING;
        }
        Wants { camera: shown_height(TileId::Person(member)), screen: shown_height(TileId::Screen(member)) }
    }

    /// Tells the members whose pictures we look at otherwise than before.
    pub(in crate::engine) fn tell_wants(&self) {
        for (peer, connection) in self.connections() {
            let wants = self.wants_of(peer);
            let told = self.links.borrow().get(&peer).and_then(|link| link.told);
            if told != Some(wants) && connection.say(&PeerMessage::Wants(wants).to_text()) {
                self.note_told(peer, wants);
            }
        }
    }

    pub(super) fn note_told(&self, peer: MemberId, wants: Wants) {
        if let Some(link) = self.links.borrow_mut().get_mut(&peer) {
            link.told = Some(wants);
        }
    }

    /// Hides a member from us, or shows them again.
    pub(in crate::engine) fn hide_member(&self, member: MemberId, hidden: bool) {
        self.dispatch(RoomAction::Hidden(member, hidden));
        self.tell_wants();
    }

    /// Fits every picture's encoding to the number of receivers and to what each of them looks at, in a moment: what asks for it
    /// mostly comes in bunches.
    pub(super) fn tune(&self) {
        const MOMENT_MS: u32 = 50;
        let weak = self.weak.clone();
        self.tuning.borrow_mut().get_or_insert_with(|| {
            Timeout::new(MOMENT_MS, move || {
                if let Some(this) = weak.upgrade() {
                    this.tuning.borrow_mut().take();
                    this.tune_now();
                }
            })
        });
    }

    fn tune_now(&self) {
        let (now, mut links) = (clock::now(), self.links.borrow_mut());
        let followed = links.values_mut().map(|link| (link.attention.follow(now), link.connection.clone()));
        let followed: Vec<_> = followed.collect();
        drop(links);
        let audience = Audience::of(self.around.media.sends(), followed.iter().map(|(wants, _)| *wants));
        for source in [Source::Camera, Source::Screen] {
            let Some(track) = self.around.media.track(source) else { continue };
            let height = track_height(&track);
            for (wants, connection) in followed.clone() {
                let Some(encoding) = audience.encoding(source, wants, height) else { continue };
                spawn(async move { connection.encode(source, encoding).await });
            }
        }
    }
}

/// How high an element is shown, in CSS pixels, rounded up to a step; nothing where it is not shown.
fn shown_height(tile: TileId) -> u16 {
    let Some(window) = web_sys::window() else { return 0 };
    let element = window.document().and_then(|document| document.get_element_by_id(&tile_id(tile)));
    let pixels = element.map_or(0.0, |element| f64::from(element.client_height()));
    ((pixels / STEP).ceil() * STEP) as u16
}

/// The height in pixels that a track is captured with, 0 if that is not known.
fn track_height(track: &web_sys::MediaStreamTrack) -> u32 {
    let height = js_sys::Reflect::get(&track.get_settings(), &"height".into()).ok().and_then(|height| height.as_f64());
    height.unwrap_or_default() as u32
}
