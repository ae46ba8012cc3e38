//! The uplink budget: how each picture is encoded for each receiver.
//!
//! In a mesh every receiver costs an encoding and its bits. The more want a picture, the less each gets; nobody gets more than
//! they show; who shows nothing gets nothing. A camera loses resolution first, a screen its frame rate: text must stay readable.

use klatch_shared::peer::{Sends, Source, Wants};

/// All pictures to all receivers together, in bit/s.
pub const TOTAL: u32 = 6_000_000;
/// Of that the screen's share, when camera and screen are both wanted.
const SCREEN_SHARE: u32 = 4_500_000;

/// What a camera gets when up to so many want it.
const CAMERA: [Rung; 5] = [
    Rung { receivers: 1, height: 720, bitrate: 1_200_000, framerate: 30.0 },
    Rung { receivers: 2, height: 540, bitrate: 800_000, framerate: 30.0 },
    Rung { receivers: 4, height: 360, bitrate: 450_000, framerate: 24.0 },
    Rung { receivers: 7, height: 270, bitrate: 250_000, framerate: 20.0 },
    Rung { receivers: usize::MAX, height: 180, bitrate: 150_000, framerate: 15.0 },
];
/// The same for a screen, at the size that it has.
const SCREEN: [Rung; 3] = [
    Rung { receivers: 1, height: u32::MAX, bitrate: 2_500_000, framerate: 30.0 },
    Rung { receivers: 3, height: u32::MAX, bitrate: 1_500_000, framerate: 15.0 },
    Rung { receivers: usize::MAX, height: u32::MAX, bitrate: 800_000, framerate: 8.0 },
];
/// Heights that pictures are scaled to, so that a tile that grows by a pixel does not restart an encoder.
const HEIGHTS: [u32; 7] = [90, 180, 270, 360, 540, 720, 1080];
/// A screen is sent with so many pixels for each that is shown, for displays with finer ones than CSS knows.
const SCREEN_DENSITY: u32 = 2;

/// How a source is encoded for one receiver (`RTCRtpEncodingParameters`, W3C WebRTC §5.2.6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Encoding {
    /// Whether at all.
    pub active: bool,
    /// Bit/s.
    pub max_bitrate: u32,
    /// Frames a second.
    pub max_framerate: f64,
    /// How many times smaller than the source; at least 1.
    pub scale_down_by: f64,
}

/// How many receivers want each picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The camera.
    pub camera: usize,
    /// The screen.
    pub screen: usize,
}

struct Rung {
    receivers: usize,
    height: u32,
    bitrate: u32,
    framerate: f64,
}

impl Audience {
    /// Counts who wants what of the pictures that are live.
    pub fn of(live: Sends, wants: impl IntoIterator<Item = Wants>) -> Self {
        wants.into_iter().fold(Self::default(), |audience, wants| Self {
            camera: audience.camera + usize::from(live.camera && wants.camera > 0),
            screen: audience.screen + usize::from(live.screen && wants.screen > 0),
        })
    }

    /// How `source`, `height` pixels high (0 if that is not known), is encoded for a receiver who wants that. Sound is not
    /// scaled: `None`.
    pub fn encoding(self, source: Source, wants: Wants, height: u32) -> Option<Encoding> {
        Some(match source {
            Source::Microphone | Source::ScreenSound => return None,
            Source::Camera if wants.camera == 0 => NOTHING,
            Source::Screen if wants.screen == 0 => NOTHING,
            Source::Camera => self.camera(u32::from(wants.camera), height),
            Source::Screen => self.screen(u32::from(wants.screen), height),
        })
    }

    fn camera(self, wanted: u32, height: u32) -> Encoding {
        let receivers = self.camera.max(1);
        let share = if self.screen > 0 { TOTAL - SCREEN_SHARE } else { TOTAL };
        let rung = rung(&CAMERA, receivers);
        let target = rung.height.min(step(wanted));
        let bitrate = CAMERA.iter().rev().find(|rung| rung.height >= target).map_or(rung.bitrate, |rung| rung.bitrate);
        Encoding {
            active: true,
            max_bitrate: bitrate.min(each(share, receivers)),
            max_framerate: rung.framerate,
            scale_down_by: scale(height, target),
        }
    }

    fn screen(self, wanted: u32, height: u32) -> Encoding {
        let receivers = self.screen.max(1);
        let share = if self.camera > 0 { SCREEN_SHARE } else { TOTAL };
        let rung = rung(&SCREEN, receivers);
        let scale = scale(height, step(wanted.saturating_mul(SCREEN_DENSITY)));
        Encoding {
            active: true,
            max_bitrate: ((f64::from(rung.bitrate) / scale) as u32).min(each(share, receivers)),
            max_framerate: rung.framerate,
            scale_down_by: scale,
        }
    }
}

const NOTHING: Encoding = Encoding { active: false, max_bitrate: 0, max_framerate: 0.0, scale_down_by: 1.0 };

fn rung(ladder: &'static [Rung], receivers: usize) -> &'static Rung {
    ladder.iter().find(|rung| receivers <= rung.receivers).expect("the last rung holds any number")
}

fn each(share: u32, receivers: usize) -> u32 {
    share / u32::try_from(receivers).unwrap_or(u32::MAX)
}

/// The smallest of the heights that shows all that is wanted.
fn step(wanted: u32) -> u32 {
    HEIGHTS.into_iter().find(|height| *height >= wanted).unwrap_or(u32::MAX)
}

fn scale(height: u32, target: u32) -> f64 {
    (f64::from(height) / f64::from(target)).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wants(height: u16) -> Wants {
        Wants { camera: height, screen: height }
    }

    impl Audience {
        fn picture(self, source: Source, wants: Wants, height: u32) -> Encoding {
            self.encoding(source, wants, height).expect("a picture")
        }
    }

    fn audience() -> impl Strategy<Value = Audience> {
        (0usize..70, 0usize..70).prop_map(|(camera, screen)| Audience { camera, screen })
    }

    fn picture() -> impl Strategy<Value = Source> {
        prop_oneof![Just(Source::Camera), Just(Source::Screen)]
    }

    #[test]
    fn one_receiver_gets_a_camera_in_720p_and_eight_get_180p_each() {
        let one = Audience { camera: 1, screen: 0 }.picture(Source::Camera, Wants::EVERYTHING, 1080);
        assert_eq!((one.max_bitrate, one.max_framerate, one.scale_down_by), (1_200_000, 30.0, 1.5));
        let many = Audience { camera: 8, screen: 0 }.picture(Source::Camera, Wants::EVERYTHING, 720);
        assert_eq!((many.max_bitrate, many.max_framerate, many.scale_down_by), (150_000, 15.0, 4.0));
    }

    #[test]
    fn a_screen_keeps_its_pixels_and_loses_frames_unless_it_is_shown_small() {
        let screen =
            |receivers, wanted| Audience { camera: 0, screen: receivers }.picture(Source::Screen, wants(wanted), 1080);
        assert_eq!((screen(1, 900).scale_down_by, screen(1, 900).max_framerate), (1.0, 30.0));
        assert_eq!((screen(6, 900).scale_down_by, screen(6, 900).max_framerate), (1.0, 8.0));
        assert_eq!(screen(1, 100).scale_down_by, 4.0);
    }

    #[test]
    fn a_small_tile_needs_few_bits() {
        let one = Audience { camera: 1, screen: 0 };
        assert_eq!(one.picture(Source::Camera, wants(150), 720).max_bitrate, 150_000);
        assert_eq!(one.picture(Source::Camera, wants(300), 720).max_bitrate, 450_000);
    }

    #[test]
    fn only_live_pictures_that_somebody_shows_are_counted() {
        let live = Sends { camera: true, ..Sends::default() };
        let audience = Audience::of(live, [Wants::EVERYTHING, Wants::NOTHING, wants(1)]);
        assert_eq!(audience, Audience { camera: 2, screen: 0 });
    }

    proptest! {
        #[test]
        fn nothing_is_encoded_for_who_shows_nothing_and_sound_goes_on(audience in audience(), height in 0u32..5000) {
            for source in Source::ALL {
                let encoding = audience.encoding(source, Wants::NOTHING, height);
                prop_assert_eq!(encoding.map(|encoding| encoding.active), (!source.is_sound()).then_some(false));
            }
        }

        #[test]
        fn all_together_stay_within_the_total(audience in audience(), wanted in 1u16.., height in 0u32..5000) {
            let each = |source| audience.picture(source, wants(wanted), height).max_bitrate as usize;
            let total = each(Source::Camera) * audience.camera + each(Source::Screen) * audience.screen;
            prop_assert!(total <= TOTAL as usize, "{}", total);
        }

        #[test]
        fn nothing_is_scaled_up_and_no_number_is_strange(
            audience in audience(), source in picture(), wanted in 1u16.., height in 0u32..5000
        ) {
            let encoding = audience.picture(source, wants(wanted), height);
            prop_assert!(encoding.scale_down_by >= 1.0 && encoding.scale_down_by.is_finite());
            prop_assert!(encoding.max_bitrate > 0 && encoding.max_framerate >= 1.0);
            let shown = f64::from(height) / encoding.scale_down_by;
            let enough = f64::from(wanted).min(f64::from(height)).min(180.0);
            prop_assert!(shown + 0.001 >= enough, "{} for {}", shown, enough);
        }

        #[test]
        fn more_receivers_never_mean_more_for_each(
            few in audience(), more in (0usize..9, 0usize..9), source in picture(), wanted in 1u16.., height in 0u32..5000
        ) {
            let many = Audience { camera: few.camera + more.0, screen: few.screen + more.1 };
            let (few, many) = (few.picture(source, wants(wanted), height), many.picture(source, wants(wanted), height));
            prop_assert!(many.max_bitrate <= few.max_bitrate && many.max_framerate <= few.max_framerate);
            prop_assert!(many.scale_down_by >= few.scale_down_by);
        }

        #[test]
        fn who_shows_more_never_gets_less(
            audience in audience(), source in picture(), wanted in (1u16.., 1u16..), height in 0u32..5000
        ) {
            let (less, more) = (wanted.0.min(wanted.1), wanted.0.max(wanted.1));
            let (less, more) = (audience.picture(source, wants(less), height), audience.picture(source, wants(more), height));
            prop_assert!(more.max_bitrate >= less.max_bitrate && more.scale_down_by <= less.scale_down_by);
        }
    }
}
