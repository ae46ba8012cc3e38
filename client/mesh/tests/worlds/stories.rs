//! Small worlds that are explored to the end.

use klatch_shared::peer::Source::{Camera, Screen, ScreenSound};

use crate::end::Broken;
use crate::explore::{Findings, Rest, explore};
use crate::world::Change::{self, *};
use crate::world::{Order, World};

/// How two ends meet, what happens to each, and what must be so in the end.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// Which ends offer at first.
    pub offers: [bool; 2],
    /// What happens to each end, in this order, at any time.
    pub changes: [&'static [Change]; 2],
    /// Candidates of each ICE generation; without any, ends agree but never connect.
    pub gathers: u32,
    pub order: Order,
    pub rest: Rest,
}

const CALM: Story =
    Story { offers: [false, true], changes: [&[], &[]], gathers: 1, order: Order::Kept, rest: Rest::Calm };
const ROUGH: Story = Story { rest: Rest::Patient, ..CALM };

/// A newcomer comes.
pub const MEETING: Story = Story { rest: Rest::Brief, ..CALM };
/// Neither thinks so.
pub const SILENCE: Story = Story { offers: [false, false], changes: [&[Send(Camera)], &[]], ..ROUGH };
/// Both think that they are the newcomer.
pub const GLARE: Story = Story { offers: [true, true], ..CALM };
/// And each has more to send.
pub const GLARE_WITH_MORE: Story =
    Story { changes: [&[Send(Camera)], &[Send(Camera), Send(ScreenSound)]], gathers: 0, ..GLARE };
/// Three changes at each end, for the same sources in part.
pub const CHANGES: Story = Story {
    changes: [&[Send(Camera), Send(Screen), Mute(Camera)], &[Send(Screen), Send(Camera), Mute(Screen)]],
    gathers: 0,
    ..CALM
};
/// Candidates are gathered on through a second negotiation.
pub const LATE_CANDIDATES: Story = Story { changes: [&[], &[Send(Camera)]], gathers: 2, ..CALM };
/// What members send overtakes itself, in a second negotiation that both ends begin.
pub const OVERTAKING: Story =
    Story { changes: [&[Send(Camera)], &[Send(Camera)]], gathers: 0, order: Order::Lost, ..ROUGH };
/// And a third follows.
pub const OVERTAKING_WITH_MORE: Story =
    Story { changes: [&[Send(Camera), Send(Screen)], &[Send(Camera)]], ..OVERTAKING };
/// The socket of the end that was there, or of the newcomer, dies unnoticed, and comes back.
pub const LOST: Story = Story { changes: [&[Cut, Notice, Back], &[Send(Camera)]], ..ROUGH };
pub const NEWCOMER_LOST: Story = Story { changes: [&[], &[Cut, Notice, Back]], ..ROUGH };
/// The same of a newcomer who is polite, and takes their offer with another connection than they answered.
pub const POLITE_NEWCOMER_LOST: Story = Story { offers: [true, false], ..LOST };
/// Both do.
pub const BOTH_LOST: Story = Story { changes: [&[Cut, Notice, Back], &[Cut, Notice, Back]], gathers: 0, ..ROUGH };
/// Something new is to be sent while nobody can be reached.
pub const MORE_MEANWHILE: Story = Story { changes: [&[Cut, Notice, Send(Camera), Back], &[]], ..ROUGH };
/// The broker refuses everything for a while.
pub const REFUSED: Story = Story { changes: [&[Refuse, Relent], &[]], ..ROUGH };
/// One page is loaded again.
pub const RELOAD: Story = Story { changes: [&[], &[Reload]], ..ROUGH };
pub const FIRST_RELOADS: Story = Story { changes: [&[Reload], &[Send(Camera)]], gathers: 0, ..ROUGH };
/// One end gives the link up and takes it up again.
pub const DROPPED: Story = Story { changes: [&[Drop, Meet], &[]], ..ROUGH };
pub const NEWCOMER_DROPS: Story = Story { changes: [&[Send(Camera)], &[Drop, Meet]], ..ROUGH };
/// Browsers refuse steps.
pub const REFUSED_STEPS: Story = Story { changes: [&[FailStep, FailStep], &[FailStep, Send(Camera)]], ..ROUGH };

/// A path dies, and works again: both ways, or for one end.
pub const PATH_LOST: Story = Story { changes: [&[OnceMet, PathDown, PathUp], &[Send(Camera)]], ..ROUGH };
pub const DEAF: Story = Story { changes: [&[OnceMet, Deaf, Hears], &[Send(Camera)]], ..ROUGH };
/// A path works one way only, until another is found.
pub const HALF_DEAD: Story = Story { changes: [&[OnceMet, HalfDead], &[Send(Camera)]], ..ROUGH };
/// And the end that hears loses the broker.
pub const HALF_DEAD_WITHOUT_A_BROKER: Story =
    Story { changes: [&[OnceMet, HalfDead], &[OnceMet, Cut, Notice, Back]], ..ROUGH };

/// Once there is a data channel the broker dies for good, and each end has more to send.
pub const BROKER_DIES: Story = Story {
    changes: [&[OnceMet, Cut, Notice, Send(Camera), Send(Screen)], &[OnceMet, Cut, Notice, Send(Camera)]],
    ..CALM
};
/// The broker dies for one end alone.
pub const BROKER_DIES_FOR_ONE: Story =
    Story { changes: [&[OnceMet, Cut, Notice, Send(Camera)], &[Send(Screen), Mute(Screen)]], ..ROUGH };

impl Story {
    /// Explores it.
    pub fn tell(&self, rules: Broken) -> Result<Findings, String> {
        explore(World::new(rules, self.offers, self.changes, self.gathers)?, self.order, self.rest)
    }
}
