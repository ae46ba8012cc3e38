//! What we capture, and with which devices.

use web_sys::MediaStream;

/// One thing that is captured, or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Capture {
    /// Off.
    #[default]
    Off,
    /// Asked for; the browser may be asking the person.
    Starting,
    /// Live.
    On(MediaStream),
    /// Could not be had: a sentence that says why and what to do.
    Failed(String),
}

impl Capture {
    /// Whether it is live.
    pub fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }

    /// The stream, when live.
    pub fn stream(&self) -> Option<&MediaStream> {
        match self {
            Self::On(stream) => Some(stream),
            Self::Off | Self::Starting | Self::Failed(_) => None,
        }
    }
}

/// What we capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LocalMedia {
    /// The microphone. A muted one is [`LocalMedia::microphone_muted`] and stays captured.
    pub microphone: Capture,
    /// Muted by the person: others hear nothing.
    pub microphone_muted: bool,
    /// The camera.
    pub camera: Capture,
    /// The screen, with its sound if there is any.
    pub screen: Capture,
    /// Whether we are speaking.
    pub speaking: bool,
}

impl LocalMedia {
    /// Whether others can hear us.
    pub fn is_heard(&self) -> bool {
        self.microphone.is_on() && !self.microphone_muted
    }
}

/// What there is to choose from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// `audioinput`.
    pub microphones: Vec<Device>,
    /// `videoinput`.
    pub cameras: Vec<Device>,
    /// `audiooutput`; empty where the browser can't choose.
    pub speakers: Vec<Device>,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// `deviceId`; empty before permission.
    pub id: String,
    /// What to call it.
    pub label: String,
}

/// What a device is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// `audioinput`.
    Microphone,
    /// `videoinput`.
    Camera,
    /// `audiooutput`.
    Speaker,
}
