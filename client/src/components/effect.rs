//! What is done beside a render.
//!
//! All effects are of one type, and depend on values of the browser's own: each type of effect is code of its own in the page, which
//! cost it one and a half kilobytes together.

use wasm_bindgen::JsValue;
use yew::prelude::*;

/// Takes an effect back.
pub type Undo = Box<dyn FnOnce()>;

/// There is nothing to be taken back.
pub fn nothing() -> Undo {
    Box::new(|| ())
}

/// Has it done after the first render and after each in which one of these values is another than before. What it gave is called before it
/// is done again, and when the component goes.
#[hook]
pub fn use_change_of(values: Vec<JsValue>, effect: Box<dyn FnOnce() -> Undo>) {
    use_effect_with(values, |_| effect());
}

/// Has it done after each render.
#[hook]
pub fn use_each_render(effect: Box<dyn FnOnce() -> Undo>) {
    // The one value that is another than itself.
    use_change_of(vec![JsValue::from(f64::NAN)], effect);
}
