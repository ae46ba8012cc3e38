//! A labelled native select.

use web_sys::HtmlSelectElement;
use yew::prelude::*;

use super::effect::{nothing, use_each_render};
use crate::state::{Intent, Theme};

/// A value and what to call it.
pub type Item = (AttrValue, AttrValue);

#[derive(Properties, PartialEq)]
pub struct Props {
    pub id: AttrValue,
    pub label: AttrValue,
    pub items: Vec<Item>,
    pub value: AttrValue,
    /// In one line, without much ado.
    pub compact: bool,
    pub on_change: Callback<String>,
}

/// One of a few. Without anything to choose from but the default, it is disabled.
#[component]
pub fn Choice(props: &Props) -> Html {
    let select = use_node_ref();
    // The browser keeps what was clicked, whatever the options' attributes say.
    {
        let select = select.clone();
        let value = props.value.clone();
        use_each_render(Box::new(move || {
            if let Some(select) = select.cast::<HtmlSelectElement>() {
                select.set_value(&value);
            }
            nothing()
        }));
    }
    let onchange = props.on_change.reform(|event: Event| event.target_unchecked_into::<HtmlSelectElement>().value());
    html! {
        <div class={if props.compact { "field field--compact" } else { "field" }}>
            <label class="field__label" for={props.id.clone()}>{ &props.label }</label>
            <select ref={select} class="input input--choice" id={props.id.clone()} disabled={props.items.len() < 2} {onchange}>
                { for props.items.iter().map(|(value, label)| html! {
                    <option value={value.clone()} selected={*value == props.value}>{ label }</option>
                }) }
            </select>
        </div>
    }
}

/// Light, dark, or as the system says.
pub fn theme_choice(theme: Theme, compact: bool, on_intent: &Callback<Intent>) -> Html {
    let on_change = on_intent.reform(|value: String| {
        Intent::ChooseTheme(match value.as_str() {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        })
    });
    let value = match theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    let items = [("system", "System"), ("light", "Light"), ("dark", "Dark")];
    let items: Vec<Item> = items.map(|(value, label)| (AttrValue::Static(value), AttrValue::Static(label))).into();
    html! { <Choice id="theme" label="Theme" {items} {value} {compact} {on_change} /> }
}
