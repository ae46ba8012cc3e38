//! A message, who received it, and what its author may do with it.

use klatch_mesh::in_sentence;
use yew::prelude::*;

use super::attribute::{click, modified};
use super::links::{Piece, pieces};
use crate::state::{Intent, Receipt, Revision, Said};

/// A message. `follows`: said right after another of the same author, so the name need not stand there again.
pub fn message(said: &Said, follows: bool, on_intent: &Callback<Intent>) -> Html {
    let deleted = said.revision == Revision::Deleted;
    let author = if said.own { "You" } else { said.label.as_str() };
    let class = modified("message", &[("message--own", said.own), ("message--follows", follows)]);
    html! {
        <div key={said.author().to_string() + &said.id().to_string()} {class}>
            <p class="message__head">
                <bdi class="message__author">{ author.to_owned() }</bdi>{ " " }<time class="message__time">{ clock(said.at) }</time>
            </p>
            if deleted {
                <p class="message__text message__text--deleted">{ "Deleted" }</p>
            } else {
                <p class="message__text" dir="auto">{ for pieces(&said.text).into_iter().map(piece) }</p>
            }
            if said.own || said.revision == Revision::Edited {
                <p class="message__receipt">
                    if said.revision == Revision::Edited {
                        { "edited" }{ if said.own { " · " } else { "" } }
                    }
                    { own(said, deleted, on_intent) }
                </p>
            }
        </div>
    }
}

/// Who received a message of ours, and what we may do with it.
fn own(said: &Said, deleted: bool, on_intent: &Callback<Intent>) -> Html {
    let id = said.id();
    if !said.own {
        return Html::default();
    }
    let begins: String = said.text.chars().take(40).collect();
    let act = |label: &'static str, intent: Intent| {
        let name = label.to_owned() + ": " + &begins;
        html! { <button type="button" class="act" aria-label={name} onclick={click(on_intent, intent)}>{ label }</button> }
    };
    // What deletes and what brings back is one button, so that the keyboard stays at it.
    let (words, edit, undo) = match deleted {
        false if said.is_kept => {
            (received(&said.receipts) + " ", act("Edit", Intent::Edit(Some(id))), act("Delete", Intent::Delete(id)))
        }
        true if said.is_kept && !begins.is_empty() => {
            (String::new(), Html::default(), act("Bring back", Intent::BringBack(id, said.text.clone())))
        }
        false => (received(&said.receipts), Html::default(), Html::default()),
        true => return Html::default(),
    };
    html! { <>{ words }{ edit }{ undo }</> }
}

/// Text nodes and anchors: what a member writes is never taken for markup.
fn piece(piece: Piece<'_>) -> Html {
    match piece {
        Piece::Text(text) => text.to_owned().into(),
        Piece::Link(link) => {
            let link = AttrValue::from(link.to_owned());
            html! { <a class="link" dir="ltr" href={link.clone()} target="_blank" rel="noopener noreferrer">{ link }</a> }
        }
    }
}

/// Hours and minutes where the reader is.
pub fn clock(at: u64) -> String {
    let date = js_sys::Date::new(&(at as f64).into());
    let two = |number: u32| (if number < 10 { "0" } else { "" }).to_owned() + &number.to_string();
    two(date.get_hours()) + ":" + &two(date.get_minutes())
}

/// Who received a message, in words.
fn received(receipts: &[Receipt]) -> String {
    let names = |received: bool| {
        let names: Vec<String> =
            receipts.iter().filter(|r| r.received == received).map(|r| in_sentence(&r.label)).collect();
        names.join(", ")
    };
    let (there, missing) = (names(true), names(false));
    match (there.is_empty(), missing.is_empty()) {
        (true, true) => "nobody else was here".to_owned(),
        (false, true) => "received by all".to_owned(),
        (true, false) => "not yet received by ".to_owned() + &missing,
        (false, false) => "received by ".to_owned() + &there + ", not yet by " + &missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use klatch_shared::MemberId;

    fn receipt(label: &str, received: bool) -> Receipt {
        let member: MemberId = "018f3b2e-0000-4000-8000-000000000001".parse().unwrap();
        Receipt { member, label: label.to_owned(), received }
    }

    #[test]
    fn receipts_say_who_has_it_and_who_lacks_it() {
        assert_eq!(received(&[]), "nobody else was here");
        assert_eq!(received(&[receipt("Bo", true), receipt("Dee", true)]), "received by all");
        assert_eq!(received(&[receipt("Bo", true), receipt("Dee", false)]), "received by Bo, not yet by Dee");
        assert_eq!(received(&[receipt("Bo", false)]), "not yet received by Bo");
    }
}
