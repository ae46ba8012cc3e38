//! What plays streams: the media elements of tiles.
//!
//! An element plays at most at 100 %. Above that the stream goes through a gain node into a stream of its own, which the
//! element plays instead, so that the chosen speaker holds for both. Chromium feeds Web Audio from a remote stream only
//! while a media element plays that stream too: a second, muted one does.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AudioContext, HtmlAudioElement, HtmlMediaElement, HtmlVideoElement, MediaStream};
use yew::prelude::*;

use super::effect::{Undo, nothing, use_change_of};
use crate::engine::spawn;

/// See [`Audio`].
#[derive(Properties, PartialEq)]
pub struct AudioProps {
    /// What to play.
    pub stream: MediaStream,
    /// Percent, 0 to 200.
    pub volume: u16,
    /// Silent, whatever the volume.
    pub muted: bool,
    /// Device id; none is the system's default.
    #[prop_or_default]
    pub speaker: Option<String>,
    /// Whether the browser holds sound back; when it no longer is, playing is tried again.
    pub blocked: bool,
    /// The browser holds sound back until a click.
    pub on_blocked: Callback<()>,
}

/// An `<audio>` that plays up to twice as loud.
#[component]
pub fn Audio(props: &AudioProps) -> Html {
    let node = use_node_ref();
    let booster = use_mut_ref(|| None::<Booster>);
    {
        let (node, booster) = (node.clone(), booster.clone());
        let (stream, volume, muted) = (Clone::clone(&props.stream), props.volume, props.muted);
        let (speaker, blocked, on_blocked) = (props.speaker.clone(), props.blocked, props.on_blocked.clone());
        let values =
            vec![JsValue::from(&stream), volume.into(), muted.into(), JsValue::from(speaker.clone()), blocked.into()];
        let set = move || {
            let Some(element) = node.cast::<HtmlAudioElement>() else { return nothing() };
            let mut booster = booster.borrow_mut();
            if volume > 100 && booster.as_ref().is_none_or(|booster| booster.of != stream) {
                *booster = Booster::new(&stream);
            }
            let (source, loudness) = match booster.as_ref().filter(|booster| volume > 100 && booster.of == stream) {
                Some(booster) => {
                    booster.set(f32::from(volume) / 100.0);
                    (Clone::clone(&booster.louder), 1.0)
                }
                None => (stream, f64::from(volume).min(100.0) / 100.0),
            };
            if element.src_object().as_ref() != Some(&source) {
                element.set_src_object(Some(&source));
            }
            element.set_volume(loudness);
            element.set_muted(muted);
            choose_speaker(&element, speaker.as_deref());
            play(element.unchecked_into(), on_blocked);
            nothing()
        };
        use_change_of(values, Box::new(set));
    }
    {
        let (node, booster) = (node.clone(), booster);
        let clear = move || {
            booster.borrow_mut().take();
            if let Some(element) = node.cast::<HtmlAudioElement>() {
                element.set_src_object(None);
            }
        };
        use_change_of(Vec::new(), Box::new(|| Box::new(clear)));
    }
    html! { <audio ref={node} autoplay=true /> }
}

/// What makes a stream louder than it is.
struct Booster {
    of: MediaStream,
    louder: MediaStream,
    gain: web_sys::GainNode,
    context: AudioContext,
    /// Plays the stream unheard, for Chromium's sake.
    feeder: HtmlAudioElement,
}

impl Booster {
    fn new(stream: &MediaStream) -> Option<Self> {
        let build = || -> Result<Self, JsValue> {
            let feeder = HtmlAudioElement::new()?;
            feeder.set_muted(true);
            feeder.set_src_object(Some(stream));
            let _ = feeder.play()?;
            let context = AudioContext::new()?;
            let _ = context.resume()?;
            let gain = context.create_gain()?;
            let out = context.create_media_stream_destination()?;
            context
                .create_media_stream_source(stream)?
                .connect_with_audio_node(&gain)?
                .connect_with_audio_node(&out)?;
            Ok(Self { of: Clone::clone(stream), louder: out.stream(), gain, context, feeder })
        };
        build().ok()
    }

    fn set(&self, gain: f32) {
        self.gain.gain().set_value(gain);
        let _ = self.context.resume();
    }
}

impl Drop for Booster {
    fn drop(&mut self) {
        self.feeder.set_src_object(None);
        let _ = self.context.close();
    }
}

fn choose_speaker(element: &HtmlMediaElement, speaker: Option<&str>) {
    // Not in all browsers: called by name.
    let wanted = JsValue::from(speaker.unwrap_or_default());
    let current = js_sys::Reflect::get(element, &"sinkId".into()).unwrap_or_default();
    if current.is_undefined() || current == wanted {
        return;
    }
    if let Ok(method) =
        js_sys::Reflect::get(element, &"setSinkId".into()).and_then(|method| method.dyn_into::<js_sys::Function>())
        && let Ok(promise) = method.call1(element, &wanted)
    {
        spawn(async move {
            let _ = JsFuture::from(promise.unchecked_into::<js_sys::Promise>()).await;
        });
    }
}

fn play(element: HtmlMediaElement, on_blocked: Callback<()>) {
    let Ok(promise) = element.play() else { return };
    spawn(async move {
        let Err(error) = JsFuture::from(promise).await else { return };
        let name = js_sys::Reflect::get(&error, &"name".into()).ok().and_then(|name| name.as_string());
        if name.as_deref() == Some("NotAllowedError") {
            on_blocked.emit(());
        }
    });
}

/// See [`Video`].
#[derive(Properties, PartialEq)]
pub struct VideoProps {
    /// What to show.
    pub stream: MediaStream,
    /// Left and right swapped, as in a mirror.
    #[prop_or_default]
    pub mirrored: bool,
    /// What it shows, for those who can't see it.
    pub label: AttrValue,
    /// More classes.
    #[prop_or_default]
    pub class: Classes,
}

/// A `<video>` without sound: sound plays in [`Audio`].
#[component]
pub fn Video(props: &VideoProps) -> Html {
    let node = use_node_ref();
    {
        let (node, stream) = (node.clone(), Clone::clone(&props.stream));
        let show = move || -> Undo {
            let element = node.cast::<HtmlVideoElement>();
            if let Some(element) = &element {
                element.set_muted(true);
                element.set_src_object(Some(&stream));
                play(element.clone().unchecked_into(), Callback::noop());
            }
            Box::new(move || {
                if let Some(element) = element {
                    element.set_src_object(None);
                }
            })
        };
        use_change_of(vec![JsValue::from(&props.stream)], Box::new(show));
    }
    let class = classes!("video", props.mirrored.then_some("video--mirrored"), props.class.clone());
    html! { <video ref={node} {class} aria-label={props.label.clone()} autoplay=true playsinline=true muted=true /> }
}
