//! Which microphone, camera and speaker.

use yew::prelude::*;

use super::choice::{Choice, Item};
use crate::state::{Device, DeviceKind, Intent, State};

/// Three choices, and `last` in the corner that is left.
pub fn device_choices(state: &State, on_intent: &Callback<Intent>, last: Html) -> Html {
    let State { devices, preferences, .. } = state;
    let choices = [
        (
            DeviceKind::Microphone,
            "microphone-device",
            "Microphone device",
            &devices.microphones,
            &preferences.microphone,
        ),
        (DeviceKind::Camera, "camera-device", "Camera device", &devices.cameras, &preferences.camera),
        (DeviceKind::Speaker, "speaker", "Speaker", &devices.speakers, &preferences.speaker),
    ];
    html! {
        <div class="devices">
            { for choices.into_iter().map(|(kind, id, label, devices, chosen)| {
                let on_change = on_intent.reform(move |value: String| {
                    Intent::ChooseDevice(kind, if value.is_empty() { None } else { Some(value) })
                });
                let value = chosen.clone().filter(|id| devices.iter().any(|device| device.id == *id)).unwrap_or_default();
                html! { <Choice {id} {label} items={items(devices)} {value} compact=false {on_change} /> }
            }) }
            { last }
        </div>
    }
}

/// The system's default first; browsers keep ids and labels back until something was captured.
fn items(devices: &[Device]) -> Vec<Item> {
    let mut items: Vec<Item> = vec![(AttrValue::Static(""), AttrValue::Static("Default"))];
    for device in devices {
        if !device.id.is_empty() && device.id != "default" {
            let label = if device.label.is_empty() { "Unnamed device" } else { &device.label };
            items.push((device.id.clone().into(), label.to_owned().into()));
        }
    }
    items
}
