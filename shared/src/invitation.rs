//! The invitation link: `<public URL>/r/<room>#<key>.<invite>`.

use std::fmt;
use std::str::FromStr;

use crate::{InviteToken, RoomId, RoomKey, RoomKeys};

/// Why a text is no invitation link. The message is a sentence for the person who pasted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInvitation {
    /// No `/r/<room>` in it, or the room is no id.
    #[error("This is not an invitation link. Ask for it to be sent again.")]
    NotALink,
    /// Nothing behind the `#`.
    #[error("This link has lost its key, the part behind the #. Ask for the whole link to be sent again.")]
    NoKey,
    /// What is behind the `#` is cut or altered, or belongs to another room.
    #[error("The key in this link is damaged. Ask for the whole link to be sent again.")]
    BadKey,
}

/// A room, its key, and the permission to take a seat in it. `Debug` shows the room alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The room, which follows from the key.
    pub room: RoomId,
    /// The room's key.
    pub key: RoomKey,
    /// Permission to take a seat.
    pub invite: InviteToken,
}

impl Invitation {
    /// Of the room that this key opens.
    pub fn new(key: RoomKey, invite: InviteToken) -> Self {
        Self { room: RoomKeys::derive(&key).id(), key, invite }
    }

    /// The link, behind `public_url` (scheme, host, port).
    pub fn link(&self, public_url: &str) -> String {
        format!("{}/r/{}#{}", public_url.trim_end_matches('/'), self.room, self.fragment())
    }

    /// What stands behind the `#`.
    pub fn fragment(&self) -> String {
        format!("{}.{}", self.key.reveal(), self.invite.reveal())
    }

    /// From what a page sees of its own address: the room in the path, and the fragment without its `#`.
    ///
    /// # Errors
    /// A [`BadInvitation`] that says what is wrong with it.
    pub fn from_parts(room: &str, fragment: &str) -> Result<Self, BadInvitation> {
        let room: RoomId = room.parse().map_err(|_| BadInvitation::NotALink)?;
        if fragment.is_empty() {
            return Err(BadInvitation::NoKey);
        }
        let (key, invite) = fragment.split_once('.').ok_or(BadInvitation::BadKey)?;
        let key: RoomKey = key.parse().map_err(|_| BadInvitation::BadKey)?;
        let invite = invite.parse().map_err(|_| BadInvitation::BadKey)?;
        if RoomKeys::derive(&key).id() == room { Ok(Self { room, key, invite }) } else { Err(BadInvitation::BadKey) }
    }
}

impl FromStr for Invitation {
    type Err = BadInvitation;
    fn from_str(text: &str) -> Result<Self, BadInvitation> {
        let (address, fragment) = text.trim().split_once('#').unwrap_or((text.trim(), ""));
        // By single characters: to look for a text takes a kilobyte of the page.
        match address.trim_end_matches('/').rsplit_once('/') {
            Some((before, room)) if before.ends_with("/r") => Self::from_parts(room, fragment),
            _ => Err(BadInvitation::NotALink),
        }
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invitation({})", self.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_survives_copying() {
        let invitation = Invitation::new(RoomKey::random(), InviteToken::random());
        let link = invitation.link("https://klatch.example/");
        assert!(link.starts_with(&format!("https://klatch.example/r/{}#", invitation.room)));
        assert_eq!(format!("  {link}\n").parse(), Ok(invitation));
    }

    #[test]
    fn what_is_wrong_with_a_link_is_told_apart() {
        let link = Invitation::new(RoomKey::random(), InviteToken::random()).link("http://localhost:8080");
        let (address, fragment) = link.split_once('#').expect("a fragment");
        let other = Invitation::new(RoomKey::random(), InviteToken::random());
        let cases = [
            ("hello".to_owned(), BadInvitation::NotALink),
            (format!("http://x/r/not-a-room#{fragment}"), BadInvitation::NotALink),
            (address.to_owned(), BadInvitation::NoKey),
            (format!("{address}#"), BadInvitation::NoKey),
            (link[..link.len() - 3].to_owned(), BadInvitation::BadKey),
            (format!("{address}#{}", other.fragment()), BadInvitation::BadKey),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Invitation>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_key_does_not_show_in_debug() {
        let invitation = Invitation::new(RoomKey::random(), InviteToken::random());
        assert!(!format!("{invitation:?}").contains(&invitation.key.reveal()));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,200}") {
            let _ = text.parse::<Invitation>();
            let _ = format!("/r/{text}#{text}").parse::<Invitation>();
        }
    }
}
