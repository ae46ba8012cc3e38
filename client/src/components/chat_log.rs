//! The log, which follows what is said as long as its end is in sight.

use gloo_events::EventListener;
use web_sys::Element;
use yew::prelude::*;

use super::effect::{Undo, nothing, use_change_of, use_each_render};
use super::message::{clock, message};
use crate::state::{Chat, Intent, Line};

/// Pixels from the end that still count as being there.
const NEAR_END: i32 = 48;

/// Follows the log's end after each render and when the window's size changes, unless it was scrolled away from; gives what is to be told of scrolling.
#[hook]
pub fn use_follow(log: &NodeRef) -> Callback<Event> {
    let at_end = use_mut_ref(|| true);
    let follow = {
        let (log, at_end) = (log.clone(), at_end.clone());
        move || {
            if *at_end.borrow()
                && let Some(log) = log.cast::<Element>()
            {
                log.set_scroll_top(log.scroll_height());
            }
        }
    };
    {
        // As when a phone shows its keyboard.
        let follow = follow.clone();
        let watch = move || -> Undo {
            let resized = web_sys::window().map(|window| EventListener::new(&window, "resize", move |_| follow()));
            Box::new(move || drop(resized))
        };
        use_change_of(Vec::new(), Box::new(watch));
    }
    use_each_render(Box::new(move || {
        follow();
        nothing()
    }));
    Callback::from(move |event: Event| {
        let log = event.target_unchecked_into::<Element>();
        *at_end.borrow_mut() = log.scroll_height() - log.scroll_top() - log.client_height() < NEAR_END;
    })
}

/// The log.
pub fn chat_log(chat: &Chat, log: NodeRef, onscroll: Callback<Event>, on_intent: &Callback<Intent>) -> Html {
    let lines = &chat.lines;
    html! {
        <div ref={log} class="log" role="log" aria-label="Messages" tabindex="0" {onscroll}>
            if lines.is_empty() {
                <p class="log__empty">{ "Nothing was said yet. Messages go from browser to browser and are kept nowhere else." }</p>
            }
            // A list of its own, of nothing but keys: else each new line would make all the others anew, and take the keyboard from them.
            <>{ for lines.iter().enumerate().map(|(i, line)| view(line, i.checked_sub(1).and_then(|i| lines.get(i)), on_intent)) }</>
        </div>
    }
}

fn view(line: &Line, before: Option<&Line>, on_intent: &Callback<Intent>) -> Html {
    match line {
        Line::Said(said) => {
            let follows = match before {
                Some(Line::Said(earlier)) => {
                    earlier.author() == said.author() && earlier.label == said.label && said.at < earlier.at + 120_000
                }
                Some(Line::Happened { .. }) | None => false,
            };
            message(said, follows, on_intent)
        }
        Line::Happened { serial, at, text, .. } => html! {
            <p key={"happened-".to_owned() + &serial.to_string()} class="log__event">
                { text.clone() }{ " · " }<time>{ clock(*at) }</time>
            </p>
        },
    }
}
