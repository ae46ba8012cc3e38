//! What ends hear of each other while packets flow, and the beats by which they notice that they do not.

use klatch_mesh::Input;

use super::World;

/// When pages look what they heard.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Pulse {
    /// The next beat.
    next: u64,
    every: u64,
    says: Says,
    /// Beats with which nothing comes to each end, though packets flow: jitter, or a page that is busy.
    late: [u8; 2],
}

/// What an end says while packets flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Says {
    /// Sound, and a word each second.
    Sound,
    /// The same while nobody speaks: a packet each 0.4 s.
    Quiet,
    /// A word each second.
    Words,
    /// No word, or two: each other one is late.
    LateWords,
}

/// How often who says something says a word.
const WORD: u64 = 1_000;
/// How often a microphone sends a packet while it is quiet around it.
const QUIET: u64 = 400;

impl Pulse {
    /// Of pages that somebody looks at.
    pub fn shown(says: Says) -> Self {
        Self { next: 250, every: 250, says, late: [0; 2] }
    }

    /// Of pages in the background, whose timers are slow.
    pub fn hidden(says: Says) -> Self {
        Self { next: 1_000, every: 1_000, ..Self::shown(says) }
    }

    pub fn next(&self) -> u64 {
        self.next
    }

    /// What comes to an end is late for so many beats.
    pub fn delay(&mut self, i: usize, beats: u8) {
        self.late[i] = beats;
    }

    /// What came to an end since the beat before this one: sound or not.
    fn comes(&mut self, i: usize, beat: u64) -> Option<bool> {
        if self.late[i] > 0 {
            self.late[i] -= 1;
            return None;
        }
        let before = self.next - self.every;
        let came = |often: u64, early: u64| (beat + early) / often > (before + early) / often;
        let (word, sound) = match self.says {
            Says::Sound => (came(WORD, 0), true),
            // Not always with the word.
            Says::Quiet => (came(WORD, 0), came(QUIET, QUIET / 4)),
            Says::Words => (came(WORD, 0), false),
            Says::LateWords => (came(2 * WORD, 0), false),
        };
        (word || sound).then_some(sound)
    }
}

impl World {
    /// A beat, if it is time: one, however many there was time for.
    pub fn beat(&mut self) -> Result<(), String> {
        let Some(mut pulse) = self.pulse.filter(|pulse| pulse.next <= self.now) else { return Ok(()) };
        let beat = self.now - self.now % pulse.every;
        let comes = [0, 1].map(|i| pulse.comes(i, beat));
        pulse.next = beat + pulse.every;
        self.pulse = Some(pulse);
        for (i, comes) in comes.into_iter().enumerate() {
            if let Some(sound) = comes.filter(|_| self.hears(i))
                && let Some((link, _)) = &self.ends[i].browser
            {
                let link = *link;
                self.feed(i, Input::Heard { link, sound })?;
            }
            self.feed(i, Input::Beat)?;
        }
        Ok(())
    }
}
