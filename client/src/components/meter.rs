//! The level of a microphone, drawn outside of Yew's render, and not at all while the tab is hidden.

use gloo_timers::callback::Interval;
use wasm_bindgen::JsValue;
use web_sys::{Element, MediaStream};
use yew::prelude::*;

use super::effect::{Undo, use_change_of};
use crate::engine::{Level, page_is_hidden};

/// Bars of the meter.
const BARS: u32 = 12;
/// How often it is looked at: smooth enough to follow speech.
const EVERY_MS: u32 = 80;

/// See [`LevelMeter`].
#[derive(Properties, PartialEq)]
pub struct MeterProps {
    /// What to listen to.
    pub stream: MediaStream,
}

/// Twelve bars, of which as many are lit as the stream is loud.
#[component]
pub fn LevelMeter(props: &MeterProps) -> Html {
    let node = use_node_ref();
    {
        let (node, stream) = (node.clone(), Clone::clone(&props.stream));
        let watch = move || -> Undo {
            let level = Level::of(&stream);
            let beat = Interval::new(EVERY_MS, move || {
                let Some(element) = node.cast::<Element>() else { return };
                if page_is_hidden() {
                    return;
                }
                let loudness = level.as_ref().map_or(0.0, Level::read);
                show(&element, (loudness.sqrt() * f64::from(BARS) * 1.6).round().min(f64::from(BARS)) as u32);
            });
            Box::new(move || drop(beat))
        };
        use_change_of(vec![JsValue::from(&props.stream)], Box::new(watch));
    }
    html! {
        <div ref={node} class="meter" role="img" aria-label="Microphone level">
            { for (0..BARS).map(|_| html! { <i class="meter__bar"></i> }) }
        </div>
    }
}

fn show(meter: &Element, lit: u32) {
    let bars = meter.children();
    for i in 0..bars.length() {
        if let Some(bar) = bars.item(i) {
            let _ = bar.class_list().toggle_with_force("meter__bar--lit", i < lit);
        }
    }
}
