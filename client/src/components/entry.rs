//! A field of text and the button that does something with it.

use wasm_bindgen::JsValue;
use yew::prelude::*;

use super::attribute::join;
use super::effect::{nothing, use_change_of};
use super::field::Field;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub id: &'static str,
    pub label: &'static str,
    pub button: &'static str,
    /// The button's classes.
    pub class: &'static str,
    /// What stands there until something is typed. When it changes, what was typed was taken over.
    #[prop_or_default]
    pub initial: String,
    #[prop_or_default]
    pub placeholder: &'static str,
    /// Code, not prose.
    #[prop_or_default]
    pub code: bool,
    /// For a name: only another one than before can be entered, and the browser may fill it in.
    #[prop_or_default]
    pub name: bool,
    /// What is wrong with what was entered.
    #[prop_or_default]
    pub error: Option<String>,
    pub on_enter: Callback<String>,
}

#[component]
pub fn Entry(props: &Props) -> Html {
    let typed = use_state_eq(|| None::<String>);
    {
        let typed = typed.clone();
        let reset = move || {
            typed.set(None);
            nothing()
        };
        use_change_of(vec![JsValue::from_str(&props.initial)], Box::new(reset));
    }
    let value = typed.as_ref().unwrap_or(&props.initial).clone();
    let idle = props.name && (value.trim() == props.initial || value.trim().is_empty());
    let onsubmit = {
        let (value, on_enter) = (value.clone(), props.on_enter.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            if !idle {
                on_enter.emit(value.clone());
            }
        })
    };
    let on_input = Callback::from(move |text: String| typed.set(Some(text)));
    let field = Field {
        placeholder: props.placeholder,
        code: props.code,
        error: props.error.clone(),
        autocomplete: if props.name { "nickname" } else { "off" },
        ..Field::new(props.id, props.label, value, on_input)
    };
    html! {
        <form id={join(props.id, "-form")} class="row row--field" {onsubmit}>
            { field.view() }
            <button type="submit" class={props.class} disabled={idle}>{ props.button }</button>
        </form>
    }
}
