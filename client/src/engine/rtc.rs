//! One `RTCPeerConnection`: the only place that touches it (W3C WebRTC).
//!
//! Each source (microphone, camera, screen, its sound) has at most one media section, a *slot*, shared by both
//! directions. Whoever first has something to send adds the slot and negotiates; the other adopts it while answering. From
//! then on sources come and go by `replaceTrack`, without negotiation. In a later glare the polite end's own slot has never been
//! negotiated: it is dropped for the other's. Which section is which source is told beside the SDP.
//!
//! `setLocalDescription()` without an argument and `restartIce()` are called by name: web-sys does not have them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_events::EventListener;
use js_sys::{Array, Function, Promise, Reflect};
use klatch_mesh::uplink::Encoding;
use klatch_mesh::{ConnectionState, Few, Kind};
use klatch_shared::limits::MAX_PEER_MESSAGE_BYTES;
use klatch_shared::peer::{CHANNEL, Description, IceCandidate, Source};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    MediaStream, MediaStreamTrack, MessageEvent, RtcDataChannel, RtcDataChannelInit, RtcDataChannelState,
    RtcIceCandidateInit, RtcPeerConnection, RtcPeerConnectionIceEvent, RtcPeerConnectionState, RtcRtpTransceiver,
    RtcRtpTransceiverDirection, RtcRtpTransceiverInit, RtcSdpType, RtcSessionDescriptionInit,
};
use yew::Callback;

use super::sdp;
use super::stats::path;
use super::ways::{Spare, Ways};
use crate::state::Path;

/// What a connection tells.
#[derive(Debug)]
pub(super) enum RtcEvent {
    /// `negotiationneeded`.
    NegotiationNeeded,
    /// `icecandidate`.
    Candidate(IceCandidate),
    /// `connectionstatechange`.
    State(ConnectionState),
    /// The data channel opened.
    ChannelOpen,
    /// The data channel closed.
    ChannelClosed,
    /// A text came over it; empty if it was none.
    Text(String),
    /// A source has a slot from now on: what comes from there.
    Receives(Source, MediaStream),
}

/// What this connection sends.
type Outgoing = Few<Source, MediaStreamTrack>;

/// Whether what came over a data channel is no longer than what pages send. What is not stays out of the module's memory, which never shrinks.
fn may_be_read(data: &JsValue) -> bool {
    data.unchecked_ref::<Array>().length() <= MAX_PEER_MESSAGE_BYTES as u32
}

/// One connection. Dropping it closes it.
pub(super) struct Connection {
    pc: RtcPeerConnection,
    channel: RtcDataChannel,
    tell: Callback<RtcEvent>,
    slots: RefCell<Few<Source, RtcRtpTransceiver>>,
    outgoing: RefCell<Outgoing>,
    /// Whether the other end is DTLS's client, as the last answer had it before there was DTLS: from then on it stays so.
    is_client: Cell<Option<bool>>,
    listeners: RefCell<Vec<EventListener>>,
}

impl Connection {
    /// Makes one, out of the `spare` if there is one. With `offers`, a slot for the microphone comes first, whether there is one or not, so that the answer can
    /// carry the other's sound already.
    pub(super) fn open(
        spare: Option<Spare>,
        ways: &Ways,
        outgoing: Outgoing,
        offers: bool,
        tell: Callback<RtcEvent>,
    ) -> Result<Rc<Self>, JsValue> {
        let pc = spare.or_else(Spare::new).ok_or(JsValue::NULL)?.into_connection();
        ways.show(&pc)?;
        let init = RtcDataChannelInit::new();
        init.set_negotiated(true);
        init.set_id(CHANNEL.1);
        let channel = pc.create_data_channel_with_data_channel_dict(CHANNEL.0, &init);
        let this = Rc::new(Self {
            pc,
            channel,
            tell,
            slots: RefCell::default(),
            outgoing: RefCell::new(outgoing),
            is_client: Cell::default(),
            listeners: RefCell::default(),
        });
        this.listen();
        if offers {
            let live: Vec<Source> = Source::ALL
                .into_iter()
                .filter(|source| *source == Source::Microphone || this.outgoing.borrow().contains_key(source))
                .collect();
            for source in live {
                this.add_slot(source);
            }
        }
        Ok(this)
    }

    fn listen(&self) {
        let on = |name: &'static str, make: fn(&web_sys::Event, &RtcPeerConnection) -> Option<RtcEvent>| {
            let (tell, pc) = (self.tell.clone(), self.pc.clone());
            EventListener::new(&self.pc, name, move |event| {
                if let Some(event) = make(event, &pc) {
                    tell.emit(event);
                }
            })
        };
        let channel_on = |name: &'static str, make: fn(&web_sys::Event) -> RtcEvent| {
            let tell = self.tell.clone();
            EventListener::new(&self.channel, name, move |event| tell.emit(make(event)))
        };
        *self.listeners.borrow_mut() = vec![
            on("negotiationneeded", |_, _| Some(RtcEvent::NegotiationNeeded)),
            on("icecandidate", |event, _| candidate(event).map(RtcEvent::Candidate)),
            on("connectionstatechange", |_, pc| Some(RtcEvent::State(connection_state(pc)))),
            channel_on("open", |_| RtcEvent::ChannelOpen),
            channel_on("close", |_| RtcEvent::ChannelClosed),
            channel_on("message", |event| {
                let data = event.unchecked_ref::<MessageEvent>().data();
                RtcEvent::Text(Some(data).filter(may_be_read).and_then(|data| data.as_string()).unwrap_or_default())
            }),
            // No page opens another. Nobody would count what comes over it.
            on("datachannel", |_, pc| {
                pc.close();
                Some(RtcEvent::State(ConnectionState::Closed))
            }),
        ];
    }

    /// A new slot, added from our side; the browser then wants to negotiate.
    fn add_slot(&self, source: Source) {
        let init = RtcRtpTransceiverInit::new();
        init.set_direction(RtcRtpTransceiverDirection::Sendrecv);
        let track = self.outgoing.borrow().get(&source).cloned();
        let transceiver = match &track {
            Some(track) => self.pc.add_transceiver_with_media_stream_track_and_init(track, &init),
            None => self.pc.add_transceiver_with_str_and_init(kind_of(source), &init),
        };
        self.fill(source, transceiver);
    }

    fn fill(&self, source: Source, transceiver: RtcRtpTransceiver) {
        let tracks = Array::of1(&transceiver.receiver().track());
        self.slots.borrow_mut().insert(source, transceiver);
        if let Ok(stream) = MediaStream::new_with_tracks(&tracks) {
            self.tell.emit(RtcEvent::Receives(source, stream));
        }
    }

    /// Sends `track` as `source` from now on, or nothing.
    pub(super) async fn send(&self, source: Source, track: Option<MediaStreamTrack>) {
        match &track {
            Some(track) => self.outgoing.borrow_mut().insert(source, Clone::clone(track)),
            None => self.outgoing.borrow_mut().remove(&source),
        };
        let slot = self.slots.borrow().get(&source).cloned();
        match slot {
            Some(slot) => {
                let _ = JsFuture::from(slot.sender().replace_track(track.as_ref())).await;
            }
            None if track.is_some() => self.add_slot(source),
            None => {}
        }
    }

    /// Has it gather by these ways when it gathers next: credentials for relays don't last.
    pub(super) fn gather_by(&self, ways: &Ways) {
        let _ = ways.show(&self.pc);
    }

    /// Whether an offer restarts ICE, so that we gather anew.
    pub(super) fn is_restarted_by(&self, offer: &Description) -> bool {
        let before = self.pc.remote_description().map(|before| before.sdp());
        before.is_some_and(|before| sdp::ufrag(&before) != sdp::ufrag(&offer.sdp))
    }

    /// `setLocalDescription()`: an offer when stable, an answer to a remote offer. The browser is asked at once, not when
    /// the future is first polled.
    pub(super) fn set_local(
        self: &Rc<Self>,
        restart: bool,
    ) -> impl Future<Output = Result<(Kind, Description), JsValue>> + use<> {
        let restarted = if restart { self.call("restartIce").map(|_| ()) } else { Ok(()) };
        let asked = restarted.and_then(|()| self.call("setLocalDescription"));
        let (this, is_secured) = (self.clone(), self.is_secured());
        async move {
            JsFuture::from(asked?.unchecked_into::<Promise>()).await?;
            let local = this.pc.local_description().ok_or(JsValue::NULL)?;
            let kind = if local.type_() == RtcSdpType::Answer { Kind::Answer } else { Kind::Offer };
            if kind == Kind::Answer && !is_secured {
                this.is_client.set(sdp::is_client(&local.sdp()).map(|we_are| !we_are));
            }
            Ok((kind, Description { sdp: local.sdp(), sources: this.sources() }))
        }
    }

    /// Which media section is which source.
    fn sources(&self) -> Vec<(String, Source)> {
        let slots = self.slots.borrow();
        slots.iter().filter_map(|(source, slot)| slot.mid().map(|mid| (mid, *source))).collect()
    }

    /// `setRemoteDescription()`; what an offer brings is adopted, so that the answer carries our sources too.
    pub(super) async fn set_remote(&self, kind: Kind, description: &Description) -> Result<(), JsValue> {
        let init = RtcSessionDescriptionInit::new(match kind {
            Kind::Offer => RtcSdpType::Offer,
            Kind::Answer => RtcSdpType::Answer,
        });
        let is_secured = self.is_secured();
        let is_client = self.is_client.get().filter(|_| kind == Kind::Answer && is_secured);
        init.set_sdp(&sdp::amended(&description.sdp, is_client));
        JsFuture::from(self.pc.set_remote_description(&init)).await?;
        if kind == Kind::Answer && !is_secured {
            self.is_client.set(sdp::is_client(&description.sdp));
        }
        if kind == Kind::Offer {
            for (mid, source) in &description.sources {
                self.adopt(mid, *source).await;
            }
            self.refuse_the_rest();
            self.add_what_is_missing();
        }
        Ok(())
    }

    /// Whether DTLS has come about: the data channel opens with it, and then never says again that it is to.
    fn is_secured(&self) -> bool {
        self.channel.ready_state() != RtcDataChannelState::Connecting
    }

    /// Whether the other end shut the data channel, as a page does that goes: Firefox may do so before its last word is sent. It shuts
    /// its own, too, once a path has failed. So, here, does who floods us, whose channel we closed ([`Self::hush`]): if the broker misses
    /// them too, they are gone the sooner.
    pub(super) fn is_shut(&self) -> bool {
        self.channel.ready_state() == RtcDataChannelState::Closed
            && self.pc.connection_state() != RtcPeerConnectionState::Failed
    }

    /// What an offer brings beyond our sources is neither received nor decoded.
    fn refuse_the_rest(&self) {
        let slots = self.slots.borrow();
        for transceiver in self.pc.get_transceivers().iter().map(JsCast::unchecked_into::<RtcRtpTransceiver>) {
            let known = slots.iter().any(|(_, slot)| *slot == transceiver);
            if !known && transceiver.mid().is_some() {
                transceiver.set_direction(RtcRtpTransceiverDirection::Inactive);
            }
        }
    }

    /// What we send and no offer has brought a slot for yet: the browser wants to negotiate once more, after the answer.
    fn add_what_is_missing(&self) {
        let missing: Vec<Source> = {
            let slots = self.slots.borrow();
            self.outgoing.borrow().keys().copied().filter(|source| !slots.contains_key(source)).collect()
        };
        for source in missing {
            self.add_slot(source);
        }
    }

    async fn adopt(&self, mid: &str, source: Source) {
        let ours = self.slots.borrow().get(&source).cloned();
        if ours.as_ref().is_some_and(|slot| slot.mid().is_some()) {
            return;
        }
        let transceivers = self.pc.get_transceivers();
        let offered = transceivers
            .iter()
            .map(JsCast::unchecked_into::<RtcRtpTransceiver>)
            .find(|transceiver| transceiver.mid().as_deref() == Some(mid));
        let Some(offered) = offered.filter(|offered| offered.receiver().track().kind() == kind_of(source)) else {
            return;
        };
        if let Some(ours) = ours {
            // Not stopped: of a slot that no description has named, a browser would want to tell for ever, and can't.
            let _ = JsFuture::from(ours.sender().replace_track(None)).await;
            ours.set_direction(RtcRtpTransceiverDirection::Inactive);
        }
        offered.set_direction(RtcRtpTransceiverDirection::Sendrecv);
        // Its own from here on: a track that comes while this one is put in place goes there too, and after it.
        self.fill(source, offered.clone());
        let track = self.outgoing.borrow().get(&source).cloned();
        let _ = JsFuture::from(offered.sender().replace_track(track.as_ref())).await;
    }

    /// `addIceCandidate()`. One that the browser refuses belongs to nothing any more.
    pub(super) async fn add_candidate(&self, candidate: &IceCandidate) {
        let init = RtcIceCandidateInit::new(&candidate.candidate);
        init.set_sdp_mid(candidate.mid.as_deref());
        init.set_sdp_m_line_index(candidate.line);
        if let Some(ufrag) = &candidate.ufrag {
            let _ = Reflect::set(&init, &"usernameFragment".into(), &ufrag.into());
        }
        let _ = JsFuture::from(self.pc.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&init))).await;
    }

    /// Says `text` over the data channel; false where it is not open or full.
    pub(super) fn say(&self, text: &str) -> bool {
        const MAX_BUFFERED: u32 = 1 << 20;
        self.channel.ready_state() == RtcDataChannelState::Open
            && self.channel.buffered_amount() < MAX_BUFFERED
            && self.channel.send_with_str(text).is_ok()
    }

    /// Says `text`, unless what waits to be sent says as much: that we are here.
    pub(super) fn pulse(&self, text: &str) {
        if self.channel.buffered_amount() == 0 {
            self.say(text);
        }
    }

    /// Closes the data channel: what waits in it is not read, and the other end's page can send no more.
    pub(super) fn hush(&self) {
        self.channel.close();
    }

    /// Encodes `source` like this from now on.
    pub(super) async fn encode(&self, source: Source, encoding: Encoding) {
        let Some(slot) = self.slots.borrow().get(&source).cloned() else { return };
        let sender = slot.sender();
        let parameters = sender.get_parameters();
        let Ok(encodings) = Reflect::get(&parameters, &"encodings".into()) else { return };
        let first = Array::from(&encodings).get(0);
        if !first.is_object() {
            return;
        }
        let wanted = [
            ("active", encoding.active.into()),
            ("maxBitrate", encoding.max_bitrate.into()),
            ("maxFramerate", encoding.max_framerate.into()),
            ("scaleResolutionDownBy", encoding.scale_down_by.into()),
        ];
        let is_so =
            |(name, value): &(&str, JsValue)| Reflect::get(&first, &(*name).into()).is_ok_and(|now| now == *value);
        if wanted.iter().all(is_so) {
            return;
        }
        for (name, value) in &wanted {
            let _ = Reflect::set(&first, &(*name).into(), value);
        }
        let _ = JsFuture::from(sender.set_parameters_with_parameters(&parameters)).await;
    }

    /// When the last packet of the other end's voice came, by a clock of the browser's, and how loud it is, 0 to 1; `None` where nothing
    /// comes. As the synchronization source has it (W3C WebRTC §5.3.1).
    pub(super) fn voice(&self) -> Option<(f64, f64)> {
        let slot = self.slots.borrow().get(&Source::Microphone).cloned()?;
        let sources = slot.receiver();
        let sources = Reflect::get(&sources, &"getSynchronizationSources".into())
            .ok()?
            .dyn_into::<Function>()
            .ok()?
            .call0(&sources)
            .ok()?;
        let first = Array::from(&sources).get(0);
        let of_it = |name: &str| Reflect::get(&first, &name.into()).ok()?.as_f64();
        Some((of_it("timestamp")?, of_it("audioLevel").unwrap_or_default()))
    }

    /// How the selected candidate pair runs.
    pub(super) async fn path(&self) -> Option<Path> {
        let report = JsFuture::from(self.pc.get_stats()).await.ok()?;
        path(&report.unchecked_into())
    }

    fn call(&self, method: &str) -> Result<JsValue, JsValue> {
        Reflect::get(&self.pc, &method.into())?.dyn_into::<Function>()?.call0(&self.pc)
    }

    /// Closes it; nothing more is told.
    pub(super) fn close(&self) {
        self.listeners.borrow_mut().clear();
        self.hush();
        self.pc.close();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

fn kind_of(source: Source) -> &'static str {
    if source.is_sound() { "audio" } else { "video" }
}

/// The candidate in an `icecandidate` event. The event without one ends them all; it needs no telling, as trickled ends of
/// generation come as empty candidates.
fn candidate(event: &web_sys::Event) -> Option<IceCandidate> {
    let candidate = event.dyn_ref::<RtcPeerConnectionIceEvent>()?.candidate()?;
    let ufrag = Reflect::get(&candidate, &"usernameFragment".into()).ok().and_then(|ufrag| ufrag.as_string());
    Some(IceCandidate {
        candidate: candidate.candidate(),
        mid: candidate.sdp_mid(),
        line: candidate.sdp_m_line_index(),
        ufrag,
    })
}

fn connection_state(pc: &RtcPeerConnection) -> ConnectionState {
    match pc.connection_state() {
        RtcPeerConnectionState::Connecting => ConnectionState::Connecting,
        RtcPeerConnectionState::Connected => ConnectionState::Connected,
        RtcPeerConnectionState::Disconnected => ConnectionState::Disconnected,
        RtcPeerConnectionState::Failed => ConnectionState::Failed,
        RtcPeerConnectionState::Closed => ConnectionState::Closed,
        _ => ConnectionState::New,
    }
}
