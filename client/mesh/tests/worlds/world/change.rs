//! What happens to the ends because the world is as it is.

use klatch_mesh::Input;
use klatch_shared::SessionNonce;
use klatch_shared::peer::Source;

use super::World;
use crate::end::End;
use crate::network::{Message, Socket};

/// Something that happens to one end because the world is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    Send(Source),
    Mute(Source),
    /// The broker's socket dies unnoticed; is noticed; is there again.
    Cut,
    Notice,
    Back,
    /// The broker refuses all that is sent; passes it on again.
    Refuse,
    Relent,
    /// The page is loaded again.
    Reload,
    /// This end gives up the link; takes it up again with the same page session.
    Drop,
    Meet,
    /// The next step that ends fails.
    FailStep,
    /// Packets find no way; find one again.
    PathDown,
    PathUp,
    /// No packet comes to this end, though what it sends arrives; they come again.
    Deaf,
    Hears,
    /// The same for as long as no other way is looked for.
    HalfDead,
    NetworkChanged,
    /// What follows happens once there is a data channel.
    OnceMet,
    /// Whatever is exchanged, this connection carries no packet any more.
    Jam,
    /// The data channel is closed, which both ends are told.
    CloseChannel,
    /// The same, which this end alone is told.
    LoseChannel,
    /// This end has another address: neither its path nor its socket works any more, and nobody has noticed.
    Move,
    /// Its browser misses the path at once, as Firefox does where its sockets are gone with their network; or where one check of it is lost, and
    /// finds it again in a moment.
    Miss,
    /// What comes to this end is late for some beats, though packets flow.
    Delay(u8),
}

impl World {
    pub fn change(&mut self, i: usize, change: Change) -> Result<(), String> {
        let peer = self.ends[i].peer;
        let session = self.ends[1 - i].session;
        let ours = self.ends[i].session;
        match change {
            Change::Send(source) => self.send(i, source, true),
            Change::Mute(source) => self.send(i, source, false),
            Change::Cut => self.network.cut(i),
            Change::Notice => {
                self.network.sockets[i] = Socket::Gone;
                self.feed(i, Input::BrokerLost)?;
            }
            Change::Back => {
                self.network.sockets[i] = Socket::Works;
                self.announce(i, ours);
                self.ends[i].known = Some(session);
                self.feed(i, Input::Present { peer, session, we_offer: true })?;
                self.feed(i, Input::BrokerBack)?;
            }
            Change::Refuse => self.network.refuses = true,
            Change::Relent => self.network.refuses = false,
            Change::Reload => {
                self.sessions += 1;
                let fresh = SessionNonce::from_bytes([self.sessions; 16]);
                let sources = std::mem::take(&mut self.ends[i].sources);
                self.network.reload(i);
                self.network.sockets[i] = Socket::Works;
                self.ends[i] = End::new(self.ends[i].me, peer, fresh, self.rules, self.gathers);
                self.ends[i].sources = sources;
                self.ends[i].known = Some(session);
                self.announce(i, fresh);
                self.feed(i, Input::Present { peer, session, we_offer: true })?;
            }
            Change::Drop => self.feed(i, Input::Gone { peer })?,
            Change::Meet => self.feed(i, Input::Present { peer, session, we_offer: false })?,
            Change::FailStep => self.ends[i].fails_next = true,
            Change::PathDown => self.path.works = false,
            Change::PathUp => self.path.works = true,
            Change::Deaf => self.path.deaf[i] = true,
            Change::Hears => self.path.deaf[i] = false,
            Change::HalfDead => self.path.half_dead[i].extend(self.generations()),
            Change::OnceMet => {}
            Change::Jam => {
                if let Some((_, browser)) = &mut self.ends[i].browser {
                    browser.jam();
                }
            }
            Change::Move => {
                self.path.dead.extend(self.generations());
                self.network.cut(i);
            }
            Change::Miss => self.miss(i)?,
            Change::CloseChannel => self.close_channel(&[i, 1 - i])?,
            Change::LoseChannel => self.close_channel(&[i])?,
            Change::Delay(beats) => self.pulse.iter_mut().for_each(|pulse| pulse.delay(i, beats)),
            Change::NetworkChanged => self.feed(i, Input::NetworkChanged)?,
        }
        Ok(())
    }

    fn close_channel(&mut self, told: &[usize]) -> Result<(), String> {
        if !self.network.channel {
            return Ok(());
        }
        self.network.close_channel();
        for end in told {
            self.network.opened[*end] = false;
            if let Some(link) = self.ends[*end].browser.as_ref().map(|(link, _)| *link) {
                self.feed(*end, Input::ChannelClosed { link })?;
            }
        }
        Ok(())
    }

    pub fn send(&mut self, i: usize, source: Source, sends: bool) {
        self.ends[i].sources.insert(source, sends);
        if let Some((_, browser)) = &mut self.ends[i].browser {
            browser.send(source, sends);
        }
    }

    pub fn announce(&mut self, i: usize, session: SessionNonce) {
        if self.network.sockets[1 - i] == Socket::Works {
            self.network.ways[1 - i].push_back(Message::Present { session });
        }
    }
}
