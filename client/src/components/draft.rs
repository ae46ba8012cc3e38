//! What was typed and not sent.

use std::cell::RefCell;
use std::rc::Rc;

use klatch_shared::MessageId;

use crate::state::{Chat, Revision};

/// What was typed and not sent: it outlives the panel.
#[derive(Clone, Default)]
pub struct Draft(Rc<RefCell<Typed>>);

#[derive(Default)]
struct Typed {
    /// What is to be said.
    new: String,
    /// What a message of ours is to say instead.
    edit: Option<(MessageId, String)>,
}

impl PartialEq for Draft {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Draft {
    /// What is in the field now.
    pub fn typed(&self, editing: Option<MessageId>, text: String) {
        let mut typed = self.0.borrow_mut();
        match editing {
            Some(id) => typed.edit = Some((id, text)),
            None => typed.new = text,
        }
    }

    /// It was sent, or given up.
    pub fn done(&self, editing: Option<MessageId>) {
        let mut typed = self.0.borrow_mut();
        match editing {
            Some(_) => typed.edit = None,
            None => typed.new.clear(),
        }
    }

    /// What belongs into the field. Of an edit that came to its end without our asking, what was typed is to be said anew; not so that
    /// of a message that we deleted.
    pub fn text(&self, chat: &Chat) -> String {
        let mut typed = self.0.borrow_mut();
        let edit = typed.edit.take();
        if let Some(said) = chat.edited() {
            let text = edit.filter(|(id, _)| *id == said.id()).map_or_else(|| said.text.clone(), |(_, text)| text);
            typed.edit = Some((said.id(), text.clone()));
            return text;
        }
        let is_deleted = |id| chat.own(id).is_some_and(|said| said.revision == Revision::Deleted);
        if let Some((_, text)) = edit.filter(|(id, _)| !is_deleted(*id)) {
            if !typed.new.is_empty() {
                typed.new.push('\n');
            }
            typed.new.push_str(&text);
        }
        typed.new.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Line, Said};
    use klatch_shared::MemberId;

    fn chat() -> (Chat, MemberId, MessageId) {
        let (me, id) = (MemberId::random(), MessageId::random());
        let mut chat = Chat { editing: Some(id), ..Chat::default() };
        chat.put(Line::Said(Rc::new(Said {
            place: (1, me, id),
            label: String::new(),
            own: true,
            at: 1,
            text: "Hello".to_owned(),
            revision: Revision::None,
            receipts: Vec::new(),
            left: 0,
            is_news: false,
            is_kept: true,
        })));
        (chat, me, id)
    }

    #[test]
    fn a_half_done_edit_outlives_the_panel_and_the_draft_comes_back_after_it() {
        let ((chat, _, id), draft) = (chat(), Draft::default());
        draft.typed(None, "a draft".to_owned());
        assert_eq!(draft.text(&chat), "Hello");
        draft.typed(Some(id), "Hello, all".to_owned());
        assert_eq!(draft.text(&chat), "Hello, all");
        draft.done(Some(id));
        assert_eq!(draft.text(&Chat { editing: None, ..chat }), "a draft");
    }

    #[test]
    fn an_edit_that_can_be_made_no_more_becomes_a_draft() {
        let ((mut chat, me, id), draft) = (chat(), Draft::default());
        draft.typed(None, "a draft".to_owned());
        draft.typed(Some(id), "Hello, all".to_owned());
        chat.let_go(me, id, true);
        assert_eq!(draft.text(&chat), "a draft\nHello, all");
        assert_eq!(draft.text(&chat), "a draft\nHello, all");
    }
}
