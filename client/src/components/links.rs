//! Which parts of a message are links. Only `http` and `https` become one: pieces of text, never markup.

/// A piece of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it is.
    Text(&'a str),
    /// To be clicked.
    Link(&'a str),
}

/// The pieces of `text`, in order; put together again they are the text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(start) = find_scheme(rest, from) {
        let link = &rest[start..start + link_length(&rest[start..])];
        if has_host(link) {
            if start > 0 {
                pieces.push(Piece::Text(&rest[..start]));
            }
            pieces.push(Piece::Link(link));
            rest = &rest[start + link.len()..];
            from = 0;
        } else {
            from = start + 4;
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// Where the next `http://` or `https://` starts that is not the tail of a longer word.
fn find_scheme(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|&at| {
        let fits =
            |scheme: &str| bytes[at..].get(..scheme.len()).is_some_and(|b| b.eq_ignore_ascii_case(scheme.as_bytes()));
        (fits("http://") || fits("https://")) && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric())
    })
}

/// How far a link goes: up to what ends it, without the punctuation of the sentence around it.
fn link_length(text: &str) -> usize {
    let mut link = text.find(ends).map_or(text, |end| &text[..end]);
    loop {
        let shorter = match link.chars().next_back() {
            Some('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '…' | '。' | '，') => link,
            Some(')') if unbalanced(link, '(', ')') => link,
            Some(']') if unbalanced(link, '[', ']') => link,
            Some(_) | None => return link.len(),
        };
        link = &shorter[..shorter.len() - shorter.chars().next_back().map_or(0, char::len_utf8)];
    }
}

/// White space, quotes, and characters that would show a link as another one.
fn ends(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '“' | '”' | '»' | '«')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn unbalanced(link: &str, open: char, close: char) -> bool {
    link.matches(close).count() > link.matches(open).count()
}

/// Whether it leads to a host, and shows which: in `https://bank.example@elsewhere.example` most people would read the first
/// for it.
fn has_host(link: &str) -> bool {
    // Behind the scheme's two slashes.
    let authority = link.split(['/', '?', '#']).nth(2).unwrap_or_default();
    !authority.contains('@') && authority.starts_with(|c: char| c.is_ascii_alphanumeric() || !c.is_ascii() || c == '[')
}

#[cfg(test)]
mod tests {
    use super::Piece::{Link, Text};
    use super::*;

    #[test]
    fn a_text_without_links_stays_one_piece() {
        assert_eq!(pieces("Grüße 👋 http and https: nothing"), [Text("Grüße 👋 http and https: nothing")]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn links_are_cut_out_of_the_sentence_around_them() {
        assert_eq!(
            pieces("See https://example.org/a?b=c#d, or (http://x.y)."),
            [Text("See "), Link("https://example.org/a?b=c#d"), Text(", or ("), Link("http://x.y"), Text(").")]
        );
        assert_eq!(pieces("HTTPS://EXAMPLE.org!"), [Link("HTTPS://EXAMPLE.org"), Text("!")]);
        assert_eq!(pieces("https://a.b https://c.d"), [Link("https://a.b"), Text(" "), Link("https://c.d")]);
    }

    #[test]
    fn balanced_brackets_belong_to_a_link() {
        assert_eq!(pieces("https://w.org/Klatch_(talk)"), [Link("https://w.org/Klatch_(talk)")]);
        assert_eq!(
            pieces("(https://w.org/Klatch_(talk))"),
            [Text("("), Link("https://w.org/Klatch_(talk)"), Text(")")]
        );
        assert_eq!(pieces("http://[::1]:8080/"), [Link("http://[::1]:8080/")]);
    }

    #[test]
    fn other_schemes_are_no_links() {
        for text in
            ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "xhttps://a.b", "https://", "http:// a"]
        {
            assert_eq!(pieces(text), [Text(text)], "{text}");
        }
    }

    #[test]
    fn who_could_be_taken_for_the_host_makes_no_link() {
        for text in ["https://bank.example@elsewhere.example/", "https://a:b@c.d?e", "http://a@b@c"] {
            assert_eq!(pieces(text), [Text(text)], "{text}");
        }
        for text in ["https://a.b/@c", "https://a.b?c@d", "https://a.b#c@d"] {
            assert_eq!(pieces(text), [Link(text)], "{text}");
        }
    }

    #[test]
    fn characters_that_turn_text_around_end_a_link() {
        assert_eq!(pieces("https://a.b/\u{202e}gro.live"), [Link("https://a.b/"), Text("\u{202e}gro.live")]);
    }

    #[test]
    fn the_pieces_are_the_text() {
        for text in ["a https://é.ü/ß, b", "https://https://x", "…https://a.b…", "http://.https://a"] {
            let joined: String = pieces(text)
                .iter()
                .map(|piece| match piece {
                    Text(text) | Link(text) => *text,
                })
                .collect();
            assert_eq!(joined, text);
        }
    }
}
