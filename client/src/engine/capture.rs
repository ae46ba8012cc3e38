//! Microphone, camera and screen: getting them, losing them, and saying in a sentence why they could not be had.

use gloo_events::EventListener;
use js_sys::{Array, Reflect};
use klatch_shared::peer::Source;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DisplayMediaStreamConstraints, MediaDeviceInfo, MediaDeviceKind, MediaDevices, MediaStream, MediaStreamConstraints,
    MediaStreamTrack,
};
use yew::Callback;

use crate::state::{Device, Devices};

/// Something that is captured. Dropping it stops it.
pub(super) struct Captured {
    /// All its tracks: one, or a screen with its sound.
    pub(super) stream: MediaStream,
    ended: Vec<EventListener>,
}

impl Captured {
    fn new(stream: MediaStream, on_ended: Callback<()>) -> Self {
        let ended = tracks(&stream)
            .filter(|track| track.kind() == "video" || stream.get_video_tracks().length() == 0)
            .map(|track| {
                let on_ended = on_ended.clone();
                EventListener::new(&track, "ended", move |_| on_ended.emit(()))
            })
            .collect();
        Self { stream, ended }
    }

    /// Its track of one kind.
    pub(super) fn track(&self, source: Source) -> Option<MediaStreamTrack> {
        let tracks = if source.is_sound() { self.stream.get_audio_tracks() } else { self.stream.get_video_tracks() };
        tracks.get(0).dyn_into().ok()
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        self.ended.clear();
        tracks(&self.stream).for_each(|track| track.stop());
    }
}

fn tracks(stream: &MediaStream) -> impl Iterator<Item = MediaStreamTrack> + use<> {
    stream.get_tracks().to_vec().into_iter().map(JsCast::unchecked_into)
}

/// The browser's devices; none on an insecure origin.
pub(super) fn media_devices() -> Option<MediaDevices> {
    let navigator = web_sys::window()?.navigator();
    let devices = Reflect::get(&navigator, &"mediaDevices".into()).ok()?;
    devices.is_object().then(|| devices.unchecked_into())
}

/// The microphone, with the browser's echo cancellation, noise suppression and gain control.
pub(super) async fn microphone(device: Option<&str>, on_ended: Callback<()>) -> Result<Captured, String> {
    let wanted = object(&[
        ("echoCancellation", true.into()),
        ("noiseSuppression", true.into()),
        ("autoGainControl", true.into()),
    ]);
    let constraints = MediaStreamConstraints::new();
    constraints.set_audio(&with_device(wanted, device));
    user_media(&constraints, "microphone", on_ended).await
}

/// The camera, at most 720p and 30 frames a second: a mesh can't carry more.
pub(super) async fn camera(device: Option<&str>, on_ended: Callback<()>) -> Result<Captured, String> {
    let wanted = object(&[
        ("width", object(&[("ideal", 1280.into())])),
        ("height", object(&[("ideal", 720.into()), ("max", 1080.into())])),
        ("frameRate", object(&[("ideal", 30.into()), ("max", 30.into())])),
    ]);
    let constraints = MediaStreamConstraints::new();
    constraints.set_video(&with_device(wanted, device));
    user_media(&constraints, "camera", on_ended).await
}

async fn user_media(
    constraints: &MediaStreamConstraints,
    what: &str,
    on_ended: Callback<()>,
) -> Result<Captured, String> {
    let devices =
        media_devices().ok_or("This page can use devices on https or localhost only. Open it by its https address.")?;
    let promise = devices.get_user_media_with_constraints(constraints).map_err(|error| sentence(&error, what))?;
    let stream = JsFuture::from(promise).await.map_err(|error| sentence(&error, what))?;
    Ok(Captured::new(stream.unchecked_into(), on_ended))
}

/// A screen, with its sound where the browser gives it. `Ok(None)`: the person thought better of it.
pub(super) async fn screen(on_ended: Callback<()>) -> Result<Option<Captured>, String> {
    let none = "This browser cannot share a screen. Try a browser on a computer.";
    let devices = media_devices().ok_or(none)?;
    if Reflect::get(&devices, &"getDisplayMedia".into()).is_ok_and(|method| method.is_undefined()) {
        return Err(none.to_owned());
    }
    let constraints = DisplayMediaStreamConstraints::new();
    constraints.set_video(&object(&[("frameRate", object(&[("ideal", 30.into()), ("max", 30.into())]))]));
    let sound = [("echoCancellation", false), ("noiseSuppression", false), ("autoGainControl", false)];
    constraints.set_audio(&object(&sound.map(|(name, on)| (name, on.into()))));
    let promise =
        devices.get_display_media_with_constraints(&constraints).map_err(|error| sentence(&error, "screen"))?;
    match JsFuture::from(promise).await {
        Ok(stream) => {
            let captured = Captured::new(stream.unchecked_into(), on_ended);
            if let Some(track) = captured.track(Source::Screen) {
                let _ = Reflect::set(&track, &"contentHint".into(), &"detail".into());
            }
            Ok(Some(captured))
        }
        Err(error) if name_of(&error) == "NotAllowedError" => Ok(None),
        Err(error) => Err(sentence(&error, "screen")),
    }
}

/// What there is to choose from.
pub(super) async fn devices() -> Devices {
    let mut out = Devices::default();
    let Some(promise) = media_devices().and_then(|devices| devices.enumerate_devices().ok()) else { return out };
    let Ok(list) = JsFuture::from(promise).await else { return out };
    for info in Array::from(&list).iter().map(JsCast::unchecked_into::<MediaDeviceInfo>) {
        let (list, what) = match info.kind() {
            MediaDeviceKind::Audioinput => (&mut out.microphones, "Microphone"),
            MediaDeviceKind::Videoinput => (&mut out.cameras, "Camera"),
            MediaDeviceKind::Audiooutput => (&mut out.speakers, "Speaker"),
            _ => continue,
        };
        let label = if info.label().is_empty() { format!("{what} {}", list.len() + 1) } else { info.label() };
        list.push(Device { id: info.device_id(), label });
    }
    out
}

fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = js_sys::Object::new();
    for (name, value) in fields {
        let _ = Reflect::set(&object, &(*name).into(), value);
    }
    object.into()
}

/// The chosen device, or where it is gone another: the browser finds one without asking the person twice.
fn with_device(wanted: JsValue, device: Option<&str>) -> JsValue {
    if let Some(device) = device {
        let _ = Reflect::set(&wanted, &"deviceId".into(), &object(&[("ideal", device.into())]));
    }
    wanted
}

fn name_of(error: &JsValue) -> String {
    Reflect::get(error, &"name".into()).ok().and_then(|name| name.as_string()).unwrap_or_default()
}

/// Why a device could not be had (Media Capture §10.2), and what to do.
fn sentence(error: &JsValue, what: &str) -> String {
    match name_of(error).as_str() {
        "NotAllowedError" | "SecurityError" => format!(
            "Your browser does not let this page use the {what}. Allow it in the address bar’s site settings, then try again."
        ),
        "NotFoundError" | "OverconstrainedError" => {
            format!("No {what} was found. Plug one in or choose another, then try again.")
        }
        "NotReadableError" | "AbortError" => format!(
            "The {what} is in use by another program, or does not work. Close the other program, then try again."
        ),
        _ => format!("The {what} could not be switched on. Try again."),
    }
}
