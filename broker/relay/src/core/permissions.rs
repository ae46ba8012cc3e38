//! CreatePermission and ChannelBind: whom an allocation may talk to (RFC 8656 §9, §10, §12).

use std::net::IpAddr;

use stun_types::message::Message;
use stun_types::prelude::{Attribute, AttributeFromRaw, AttributeStaticType};
use turn_types::attribute::{ChannelNumber, XorPeerAddress};

use crate::core::auth::Signer;
use crate::core::control::Done;
use crate::core::{Client, Core, Family, Now, Slot};
use crate::message::{Refusal, Reply, Request, optional};
use crate::wire::CHANNELS;

impl Core {
    pub(super) fn create_permission(
        &mut self,
        now: Now,
        client: Client,
        request: &Request,
        message: &Message<'_>,
        signer: &Signer,
    ) -> Result<Done, Refusal> {
        let slot = self.owned(now, &client, signer)?;
        let peers = message.iter_attributes().filter(|(_, raw)| raw.get_type() == XorPeerAddress::TYPE);
        let peers: Vec<IpAddr> = peers
            .map(|(_, raw)| XorPeerAddress::from_raw_ref(&raw).map(|peer| peer.addr(request.id).ip()))
            .collect::<Result<_, _>>()
            .map_err(|_| Refusal::BadRequest)?;
        if peers.is_empty() {
            return Err(Refusal::BadRequest);
        }
        self.permit(now, slot, &peers)?;
        let reply = Reply::success(request, &mut self.reply);
        Ok(Done::Reply(reply.signed(signer.seal, &signer.key)))
    }

    pub(super) fn channel_bind(
        &mut self,
        now: Now,
        client: Client,
        request: &Request,
        message: &Message<'_>,
        signer: &Signer,
    ) -> Result<Done, Refusal> {
        let slot = self.owned(now, &client, signer)?;
        let number = optional::<ChannelNumber>(message)?.ok_or(Refusal::BadRequest)?.channel();
        let peer = optional::<XorPeerAddress>(message)?.ok_or(Refusal::BadRequest)?.addr(request.id);
        if !CHANNELS.contains(&number) {
            return Err(Refusal::BadRequest);
        }
        let most = self.settings.limits.channels;
        let is_reachable = self.joined(&peer).is_some() || self.settings.policy.lets_send(&peer);
        let allocation = self.table.get_mut(slot).ok_or(Refusal::AllocationMismatch)?;
        let bound = allocation.peer_of(now.millis, number);
        let channel = allocation.channel_to(now.millis, &peer);
        if bound.is_some_and(|bound| bound != peer) || channel.is_some_and(|channel| channel != number) {
            return Err(Refusal::BadRequest);
        }
        if Family::of(peer.ip()) == Family::of(allocation.relayed.ip()) && !is_reachable {
            return Err(Refusal::Forbidden);
        }
        if bound.is_none() && !allocation.has_room_for_channel(now.millis, most) {
            return Err(Refusal::InsufficientCapacity);
        }
        self.permit(now, slot, &[peer.ip()])?;
        if let Some(allocation) = self.table.get_mut(slot) {
            allocation.bind(now.millis, number, peer);
        }
        let reply = Reply::success(request, &mut self.reply);
        Ok(Done::Reply(reply.signed(signer.seal, &signer.key)))
    }

    /// All of these peers, or none. The addresses of relayed candidates are permitted, as peers have theirs there: what else is
    /// at these is refused when something is sent to it.
    fn permit(&mut self, now: Now, slot: Slot, peers: &[IpAddr]) -> Result<(), Refusal> {
        let allocation = self.table.get_mut(slot).ok_or(Refusal::AllocationMismatch)?;
        let family = Family::of(allocation.relayed.ip());
        if peers.iter().any(|ip| Family::of(*ip) != family) {
            return Err(Refusal::PeerFamilyMismatch);
        }
        let settings = &self.settings;
        if !peers.iter().all(|ip| settings.relayed.contains(ip) || settings.policy.lets_reach(*ip)) {
            return Err(Refusal::Forbidden);
        }
        if !allocation.has_room_for(now.millis, peers, settings.limits.permissions) {
            return Err(Refusal::InsufficientCapacity);
        }
        for ip in peers {
            allocation.permit(now.millis, *ip);
        }
        Ok(())
    }
}
