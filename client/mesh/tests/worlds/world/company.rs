//! Others in the room of the two ends: who reach both, or are lost to both.

use klatch_mesh::{Carrier, ConnectionState, Input, LinkId, Signal};
use klatch_shared::peer::Description;
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

use super::World;
use crate::network::Helper;

impl World {
    /// These are connected with both ends.
    pub fn join(&mut self, helpers: &[Helper]) -> Result<(), String> {
        for helper in helpers {
            for i in 0..2 {
                let link = self.met(i, helper.id)?;
                let members = vec![self.ends[i].peer];
                self.feed(i, Input::ChannelOpen { link })?;
                self.feed(i, Input::Reaches { peer: helper.id, members })?;
            }
        }
        self.network.helpers.extend(helpers);
        Ok(())
    }

    /// Somebody was connected with both ends, and is lost to both; all helpers say that they reach them, and nobody does.
    pub fn lose(&mut self, id: MemberId) -> Result<(), String> {
        for i in 0..2 {
            let link = self.met(i, id)?;
            for Helper { id: peer, .. } in self.network.helpers.clone() {
                self.feed(i, Input::Reaches { peer, members: vec![self.ends[i].peer, id] })?;
            }
            self.feed(i, Input::Connection { link, state: ConnectionState::Failed })?;
        }
        Ok(())
    }

    fn met(&mut self, i: usize, peer: MemberId) -> Result<LinkId, String> {
        let (side, exchange, sequence) = (Side::Offerer, ExchangeId(1), 0);
        let signal = Signal::Offer(Description { sdp: String::new(), sources: vec![] });
        self.feed(i, Input::Present { peer, session: SessionNonce::from_bytes([0; 16]), we_offer: false })?;
        self.feed(i, Input::Signal { peer, carrier: Carrier::Broker, exchange, side, sequence, signal })?;
        let link = self.ends[i].mesh.link(peer).ok_or("there is no link")?;
        self.feed(i, Input::Connection { link, state: ConnectionState::Connected })?;
        Ok(link)
    }
}
