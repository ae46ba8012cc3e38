//! A message, who received it, and what its author may do with it.

use klatch_mesh::in_sentence;
use yew::prelude::*;

use super::attribute::{click, modified};
use super::links::{Piece, pieces};
use crate::state::{Intent, Revision, Said};

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
            (received(said) + " ", act("Edit", Intent::Edit(Some(id))), act("Delete", Intent::Delete(id)))
        }
        true if said.is_kept && !begins.is_empty() => {
            (String::new(), Html::default(), act("Bring back", Intent::BringBack(id, said.text.clone())))
        }
        false => (received(said), Html::default(), Html::default()),
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
fn received(said: &Said) -> String {
    let names = |received: bool| {
        let mut names: Vec<String> =
            said.receipts.iter().filter(|r| r.received == received).map(|r| in_sentence(&r.label)).collect();
        if received && said.left > 0 {
            names.push(said.left.to_string() + " who left");
        }
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
    use crate::state::Receipt;
    use klatch_shared::{MemberId, MessageId};

    fn words(receipts: &[(&str, bool)], left: u32) -> String {
        let member = MemberId::random();
        let receipts = receipts.iter().map(|(label, received)| (label.to_string(), *received));
        received(&Said {
            place: (1, member, MessageId::random()),
            label: String::new(),
            own: true,
            at: 1,
            text: "Hello".to_owned(),
            revision: Revision::None,
            receipts: receipts.map(|(label, received)| Receipt { member, label, received }).collect(),
            left,
            is_news: false,
            is_kept: true,
        })
    }

    #[test]
    fn receipts_say_who_has_it_and_who_lacks_it() {
        assert_eq!(words(&[], 0), "nobody else was here");
        assert_eq!(words(&[("Bo", true), ("Dee", true)], 0), "received by all");
        assert_eq!(words(&[("Bo", true), ("Dee", false)], 0), "received by Bo, not yet by Dee");
        assert_eq!(words(&[("Bo", false)], 0), "not yet received by Bo");
    }

    #[test]
    fn who_received_it_and_gave_up_their_seat_counts() {
        assert_eq!(words(&[], 1), "received by all");
        assert_eq!(words(&[("Bo", true), ("Dee", false)], 2), "received by Bo, 2 who left, not yet by Dee");
    }
}
