//! How loud a captured stream is.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use web_sys::{AnalyserNode, AudioContext, AudioContextState, MediaStream, MediaStreamAudioSourceNode};

/// A tap on a stream; undone when dropped.
pub struct Level {
    context: Rc<Context>,
    source: MediaStreamAudioSourceNode,
    analyser: AnalyserNode,
    samples: RefCell<Vec<f32>>,
}

/// One for all taps: each takes a thread of the browser's. Closed with the last of them.
struct Context(AudioContext);

thread_local! {
    static CONTEXT: RefCell<Weak<Context>> = const { RefCell::new(Weak::new()) };
}

impl Context {
    fn get() -> Option<Rc<Self>> {
        CONTEXT.with_borrow_mut(|shared| {
            if let Some(context) = shared.upgrade() {
                return Some(context);
            }
            let context = Rc::new(Self(AudioContext::new().ok()?));
            *shared = Rc::downgrade(&context);
            Some(context)
        })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let _ = self.0.close();
    }
}

impl Level {
    /// Taps `stream`; `None` where there is no sound in it or no Web Audio.
    pub fn of(stream: &MediaStream) -> Option<Self> {
        if stream.get_audio_tracks().length() == 0 {
            return None;
        }
        let context = Context::get()?;
        let analyser = context.0.create_analyser().ok()?;
        analyser.set_fft_size(512);
        let source = context.0.create_media_stream_source(stream).ok()?;
        source.connect_with_audio_node(&analyser).ok()?;
        Some(Self { context, source, analyser, samples: RefCell::new(vec![0.0; 512]) })
    }

    /// The root mean square of the last samples, 0 to 1.
    pub fn read(&self) -> f64 {
        if self.context.0.state() == AudioContextState::Suspended {
            let _ = self.context.0.resume();
        }
        let mut samples = self.samples.borrow_mut();
        self.analyser.get_float_time_domain_data(&mut samples);
        let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (sum / samples.len() as f64).sqrt()
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        let _ = self.source.disconnect();
    }
}
