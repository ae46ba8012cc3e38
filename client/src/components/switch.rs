//! A switch with its words beside it.

use yew::prelude::*;

use super::attribute::truth;

/// A switch.
pub fn switch(label: &'static str, on: bool, onclick: Callback<MouseEvent>) -> Html {
    html! {
        <button type="button" class="switch" role="switch" aria-checked={truth(on)} {onclick}>
            <span class="switch__label">{ label }</span>
            <span class="switch__track" aria-hidden="true"><span class="switch__knob"></span></span>
        </button>
    }
}
