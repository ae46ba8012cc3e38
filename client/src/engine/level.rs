//! How loud a captured stream is.

use std::cell::RefCell;

use web_sys::{AnalyserNode, AudioContext, MediaStream};

/// A tap on a stream. Dropping it frees its audio context.
pub struct Level {
    context: AudioContext,
    analyser: AnalyserNode,
    samples: RefCell<Vec<f32>>,
}

impl Level {
    /// Taps `stream`; `None` where there is no sound in it or no Web Audio.
    pub fn of(stream: &MediaStream) -> Option<Self> {
        if stream.get_audio_tracks().length() == 0 {
            return None;
        }
        let context = AudioContext::new().ok()?;
        let analyser = context.create_analyser().ok()?;
        analyser.set_fft_size(512);
        context.create_media_stream_source(stream).ok()?.connect_with_audio_node(&analyser).ok()?;
        Some(Self { context, analyser, samples: RefCell::new(vec![0.0; 512]) })
    }

    /// The root mean square of the last samples, 0 to 1.
    pub fn read(&self) -> f64 {
        if self.context.state() == web_sys::AudioContextState::Suspended {
            let _ = self.context.resume();
        }
        let mut samples = self.samples.borrow_mut();
        self.analyser.get_float_time_domain_data(&mut samples);
        let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (sum / samples.len() as f64).sqrt()
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        let _ = self.context.close();
    }
}
