//! Where the values in a JSON text begin and end (RFC 8259). Nothing is copied but what a string says.

/// How deep arrays and objects may stand in each other. What is deeper is refused, so that no text exhausts the stack.
const MAX_DEPTH: u8 = 128;

/// The brackets around fields.
pub(super) const OBJECT: (u8, u8) = (b'{', b'}');
/// The brackets around elements.
pub(super) const ARRAY: (u8, u8) = (b'[', b']');

/// What is listed between these brackets, if that is all of `json`: each value, behind its name as it stands there, which for an
/// element is empty.
pub(super) fn parts(json: &str, brackets: (u8, u8)) -> Option<Vec<(&str, &str)>> {
    let mut found = Vec::new();
    let mut reader = Reader { json, at: 0 };
    reader.skip_space();
    reader.list(brackets, MAX_DEPTH - 1, &mut |name, value| found.push((name, value)))?;
    reader.skip_space();
    reader.is_at_end().then_some(found)
}

/// What a string says, if it is all of `json`.
pub(super) fn unquoted(json: &str) -> Option<String> {
    let mut reader = Reader { json, at: 0 };
    reader.string()?;
    if !reader.is_at_end() {
        return None;
    }
    let inner = &json[1..json.len() - 1];
    if !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    let (mut units, mut rest) = (Vec::with_capacity(inner.len()), inner.chars());
    while let Some(c) = rest.next() {
        if c != '\\' {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            continue;
        }
        units.push(match rest.next()? {
            'b' => 0x08,
            'f' => 0x0c,
            'n' => 0x0a,
            'r' => 0x0d,
            't' => 0x09,
            'u' => {
                let (digits, behind) = rest.as_str().split_at_checked(4)?;
                rest = behind.chars();
                u16::from_str_radix(digits, 16).ok()?
            }
            // A quotation mark, or a slash of either kind.
            itself => itself as u16,
        });
    }
    // Half of a pair is no character.
    String::from_utf16(&units).ok()
}

/// Goes over a text. What is not as it must be is `None`, and then the place means nothing.
struct Reader<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte; behind the end NUL, which nothing in JSON may begin or go on with.
    fn peek(&self) -> u8 {
        self.json.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn is_at_end(&self) -> bool {
        self.at == self.json.len()
    }

    /// Goes past the next byte where it is such a one.
    fn skip(&mut self, is_such: impl Fn(u8) -> bool) -> bool {
        let is = is_such(self.peek());
        self.at += usize::from(is);
        is
    }

    fn skip_byte(&mut self, byte: u8) -> bool {
        self.skip(|next| next == byte)
    }

    fn skip_space(&mut self) {
        while self.skip(|next| matches!(next, b' ' | b'\t' | b'\n' | b'\r')) {}
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        self.skip_byte(byte).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        word.bytes().try_for_each(|byte| self.byte(byte))
    }

    /// One at least.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.skip(|next| next.is_ascii_digit()) {}
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.skip_byte(b'-');
        // Nothing but a point may follow a leading zero.
        if !self.skip_byte(b'0') {
            self.digits()?;
        }
        if self.skip_byte(b'.') {
            self.digits()?;
        }
        if self.skip(|next| matches!(next, b'e' | b'E')) {
            self.skip(|next| matches!(next, b'+' | b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        self.byte(b'"')?;
        loop {
            if self.skip_byte(b'"') {
                return Some(());
            }
            if !self.skip_byte(b'\\') {
                self.skip(|next| next >= b' ').then_some(())?;
            } else if self.skip_byte(b'u') {
                (0..4).try_for_each(|_| self.skip(|next| next.is_ascii_hexdigit()).then_some(()))?;
            } else {
                self.skip(|next| br#""\/bfnrt"#.contains(&next)).then_some(())?;
            }
        }
    }

    /// A value's text; the space around it is passed.
    fn value(&mut self, depth: u8) -> Option<&'a str> {
        self.skip_space();
        let start = self.at;
        match self.peek() {
            b'"' => self.string(),
            b'{' => self.list(OBJECT, depth.checked_sub(1)?, &mut |_, _| {}),
            b'[' => self.list(ARRAY, depth.checked_sub(1)?, &mut |_, _| {}),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }?;
        let value = &self.json[start..self.at];
        self.skip_space();
        Some(value)
    }

    /// What stands between brackets, and they.
    fn list(&mut self, (open, close): (u8, u8), depth: u8, found: &mut dyn FnMut(&'a str, &'a str)) -> Option<()> {
        self.byte(open)?;
        self.skip_space();
        if self.skip_byte(close) {
            return Some(());
        }
        loop {
            let mut name = "";
            if open == b'{' {
                name = self.value(0).filter(|name| name.starts_with('"'))?;
                self.byte(b':')?;
            }
            found(name, self.value(depth)?);
            if self.skip_byte(close) {
                return Some(());
            }
            self.byte(b',')?;
        }
    }
}

#[cfg(test)]
mod tests;
