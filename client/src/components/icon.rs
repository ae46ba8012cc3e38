//! Icons: each a reference to a symbol of the sprite, which stands in index.html once. What the lobby does without is added to it with the
//! styles of rooms (`assets/late/icons.css`).

use yew::prelude::*;

/// A symbol of the sprite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// The mark of Klatch.
    Cup,
    /// A microphone.
    Mic,
    /// A microphone with a stroke.
    MicOff,
    /// A camera.
    Camera,
    /// A camera with a stroke.
    CameraOff,
    /// A screen that is shared.
    Screen,
    /// A speech bubble.
    Chat,
    /// Two people.
    People,
    /// A link.
    Invite,
    /// A closed lock.
    Lock,
    /// An open lock.
    Unlock,
    /// Sliders.
    Settings,
    /// A receiver that is put down.
    Leave,
    /// A cross.
    Close,
    /// A loudspeaker.
    Volume,
    /// A loudspeaker with a stroke.
    VolumeOff,
    /// An eye.
    Eye,
    /// An eye with a stroke.
    EyeOff,
    /// A paper plane.
    Send,
    /// An arrow out of a box.
    Share,
    /// A triangle with an exclamation mark.
    Warning,
    /// A tick.
    Check,
    /// Four corners.
    Expand,
    /// Three dots.
    More,
    /// Sound waves.
    Speaking,
}

impl Glyph {
    fn href(self) -> &'static str {
        match self {
            Self::Cup => "#i-cup",
            Self::Mic => "#i-mic",
            Self::MicOff => "#i-mic-off",
            Self::Camera => "#i-camera",
            Self::CameraOff => "#i-camera-off",
            Self::Screen => "#i-screen",
            Self::Chat => "#i-chat",
            Self::People => "#i-people",
            Self::Invite => "#i-invite",
            Self::Lock => "#i-lock",
            Self::Unlock => "#i-unlock",
            Self::Settings => "#i-settings",
            Self::Leave => "#i-leave",
            Self::Close => "#i-close",
            Self::Volume => "#i-volume",
            Self::VolumeOff => "#i-volume-off",
            Self::Eye => "#i-eye",
            Self::EyeOff => "#i-eye-off",
            Self::Send => "#i-send",
            Self::Share => "#i-share",
            Self::Warning => "#i-warning",
            Self::Check => "#i-check",
            Self::Expand => "#i-expand",
            Self::More => "#i-more",
            Self::Speaking => "#i-speaking",
        }
    }
}

/// Decorative: whatever it stands for is also said in words.
pub fn icon(glyph: Glyph) -> Html {
    icon_as("icon", glyph)
}

/// The same, with classes of its own beside `icon`.
pub fn icon_as(class: &'static str, glyph: Glyph) -> Html {
    html! { <svg {class} aria-hidden="true" focusable="false"><use href={glyph.href()} /></svg> }
}
