//! A labelled field of text, with what is wrong with it.

use yew::prelude::*;

use super::attribute::{join, truth, typed};

/// A field.
pub struct Field {
    pub id: &'static str,
    pub label: &'static str,
    pub value: String,
    pub placeholder: &'static str,
    /// What is wrong, as a sentence.
    pub error: Option<String>,
    pub autocomplete: &'static str,
    /// The id of what else there is to know.
    pub described_by: Option<&'static str>,
    /// Code, not prose: left to right, no spelling.
    pub code: bool,
    /// A secret, which passwords' managers may keep; of the form with this id, wherever it stands.
    pub secret_of: Option<&'static str>,
    pub on_input: Callback<String>,
}

impl Field {
    /// An empty field without anything special.
    pub fn new(id: &'static str, label: &'static str, value: String, on_input: Callback<String>) -> Self {
        Self {
            id,
            label,
            value,
            placeholder: "",
            error: None,
            autocomplete: "off",
            described_by: None,
            code: false,
            secret_of: None,
            on_input,
        }
    }

    /// With its label.
    pub fn view(self) -> Html {
        let error_id = join(self.id, "-error");
        let wrong = self.error.is_some();
        let described_by = if wrong { Some(error_id.clone()) } else { self.described_by.map(AttrValue::Static) };
        html! {
            <div class="field">
                <label class="field__label" for={self.id}>{ self.label }</label>
                <input class="input" id={self.id} type={if self.secret_of.is_some() { "password" } else { "text" }} form={self.secret_of} dir={if self.code { "ltr" } else { "auto" }} value={self.value}
                    placeholder={self.placeholder} oninput={typed(self.on_input)} autocomplete={self.autocomplete}
                    spellcheck={self.code.then_some("false")} autocapitalize={self.code.then_some("off")} enterkeyhint="go"
                    aria-invalid={wrong.then_some(truth(true))} aria-describedby={described_by} />
                { error_line(error_id, self.error) }
            </div>
        }
    }
}

/// What is wrong; there from the start, so that screen readers say what comes into it.
pub fn error_line(id: AttrValue, error: Option<String>) -> Html {
    html! { <p class="field__error" {id} aria-live="assertive">{ error.unwrap_or_default() }</p> }
}
