//! Whether others may see our address.

use yew::prelude::*;

use super::attribute::click;
use super::switch::switch;
use crate::state::{Intent, State};

/// The switch, and what it means.
pub fn relay_only(state: &State, on_intent: &Callback<Intent>) -> Html {
    let on = state.preferences.relay_only;
    html! {
        <div class="relay-only">
            { switch("Relay only", on, click(on_intent, Intent::RelayOnly(!on))) }
            <p class="hint">{ "From the next connection on, others don’t see your network address. Needs a relay." }</p>
        </div>
    }
}
