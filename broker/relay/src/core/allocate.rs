//! Allocate and Refresh (RFC 8656 §7).

use std::net::{IpAddr, SocketAddr};

use stun_types::AddressFamily;
use stun_types::attribute::ErrorCode;
use stun_types::message::Message;
use stun_types::prelude::{AttributeFromRaw, AttributeStaticType};
use turn_types::attribute::{
    AdditionalAddressFamily, AddressErrorCode, EvenPort, Lifetime, RequestedAddressFamily, RequestedTransport,
    ReservationToken, XorRelayedAddress,
};

use crate::admission::Group;
use crate::core::accounts::Full;
use crate::core::auth::Signer;
use crate::core::control::Done;
use crate::core::table::Allocation;
use crate::core::{Client, Core, Family, Now, Slot};
use crate::doorstep::household;
use crate::message::{Refusal, Reply, Request, optional};

/// The only transport that is relayed: UDP.
const UDP: u8 = 17;

/// An Allocate that only lacks its socket.
pub struct Ticket {
    /// Where the socket is to be kept.
    pub slot: Slot,
    /// Of which family it is to be.
    pub family: Family,
    /// Whether its port is to be an even one.
    pub even: bool,
    client: Client,
    request: Request,
    signer: Signer,
    room: Group,
    lifetime: u32,
    /// Whether an IPv6 address was asked for as well.
    wanted_both: bool,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("slot", &self.slot).field("family", &self.family).finish_non_exhaustive()
    }
}

impl Core {
    pub(super) fn allocate(
        &mut self,
        now: Now,
        client: Client,
        request: &Request,
        message: &Message<'_>,
        signer: Signer,
    ) -> Result<Done, Refusal> {
        if let Some(slot) = self.live(now, &client) {
            return self.allocate_again(slot, request, message, &signer);
        }
        if signer.username.expiry <= now.unix {
            return Err(Refusal::Unauthorized);
        }
        let room = self.settings.admission.group(&signer.username.holder).ok_or(Refusal::Unauthorized)?;
        let transport = optional::<RequestedTransport>(message)?.ok_or(Refusal::BadRequest)?;
        if transport.protocol() != UDP {
            return Err(Refusal::TransportNotSupported);
        }
        let Wanted { family, even, both: wanted_both } = Wanted::by(message)?;
        self.relayed_ip(family).ok_or(Refusal::FamilyNotSupported)?;
        optional::<Lifetime>(message)?;
        let lifetime = self.granted(now.millis, now.millis);
        let address = household(client.address.ip());
        let left = self.table.left();
        if self.draining || left == 0 {
            return Err(Refusal::InsufficientCapacity);
        }
        match self.accounts.has_room_for(&signer.username.holder, address, room, left) {
            Ok(()) => {}
            Err(Full::Quota) => return Err(Refusal::QuotaReached),
            Err(Full::Table) => return Err(Refusal::InsufficientCapacity),
        }
        let slot = self.table.next();
        let request = *request;
        Ok(Done::Open(Box::new(Ticket { slot, family, even, client, request, signer, room, lifetime, wanted_both })))
    }

    /// A retransmission is answered as the first was; anything else clashes.
    fn allocate_again(
        &mut self,
        slot: Slot,
        request: &Request,
        message: &Message<'_>,
        signer: &Signer,
    ) -> Result<Done, Refusal> {
        let allocation = self.table.get(slot).ok_or(Refusal::AllocationMismatch)?;
        if allocation.transaction != u128::from(request.id) || *allocation.username != *signer.username.as_str() {
            return Err(Refusal::AllocationMismatch);
        }
        let (relayed, client, made) = (allocation.relayed, allocation.client, allocation.made);
        let wanted = Wanted::by(message)?;
        let lifetime = self.granted(made, made);
        Ok(Done::Reply(self.allocated(request, relayed, client, lifetime, wanted.both, signer)))
    }

    /// The socket that a ticket asked for is open at this port (of the relayed address of its family), or could not be
    /// opened. The reply to whoever asked for it.
    pub fn opened(&mut self, now: Now, ticket: Ticket, port: Option<u16>) -> &[u8] {
        let Ticket { slot, family, even, client, request, signer, room, lifetime, wanted_both } = ticket;
        let port = port.filter(|port| !even || port % 2 == 0);
        let place = self.relayed_ip(family).zip(port).map(|(ip, port)| SocketAddr::new(ip, port));
        let relayed = place.filter(|relayed| slot == self.table.next() && self.table.of_relayed(relayed).is_none());
        let Some(relayed) = relayed else {
            self.counts.refused(Refusal::InsufficientCapacity);
            let reply = Reply::refusal(&request, Refusal::InsufficientCapacity, &mut self.reply);
            let length = reply.signed(signer.seal, &signer.key);
            return &self.reply[..length];
        };
        let (packets, bytes) = self.table.buckets(now.millis);
        let address = household(client.address.ip());
        let accounts = self.accounts.enter(now.millis, &signer.username.holder, address, room);
        self.table.insert(Allocation {
            client,
            username: signer.username.as_str().into(),
            relayed,
            transaction: request.id.into(),
            made: now.millis,
            expires: now.millis + u64::from(lifetime) * 1000,
            accounts,
            permissions: Vec::new(),
            channels: Vec::new(),
            packets,
            bytes,
        });
        self.counts.allocations.set(self.table.len());
        self.counts.allocations_made.add(1);
        let length = self.allocated(&request, relayed, client, lifetime, wanted_both, &signer);
        &self.reply[..length]
    }

    fn allocated(
        &mut self,
        request: &Request,
        relayed: SocketAddr,
        client: Client,
        lifetime: u32,
        wanted_both: bool,
        signer: &Signer,
    ) -> usize {
        let mut reply = Reply::success(request, &mut self.reply)
            .with(&XorRelayedAddress::new(relayed, request.id))
            .with(&Lifetime::new(lifetime))
            .with_mapped(client.address, request.id);
        if wanted_both {
            let code = Refusal::FamilyNotSupported.code();
            let why = ErrorCode::builder(code).reason("").build().expect("its code is between 300 and 700");
            reply = reply.with(&AddressErrorCode::new(AddressFamily::IPV6, why));
        }
        reply.signed(signer.seal, &signer.key)
    }

    pub(super) fn refresh(
        &mut self,
        now: Now,
        client: Client,
        request: &Request,
        message: &Message<'_>,
        signer: &Signer,
    ) -> Result<Done, Refusal> {
        let slot = self.owned(now, &client, signer)?;
        let allocation = self.table.get(slot).ok_or(Refusal::AllocationMismatch)?;
        let (made, own) = (allocation.made, Family::of(allocation.relayed.ip()));
        if requested_family(message)?.is_some_and(|family| family != own) {
            return Err(Refusal::PeerFamilyMismatch);
        }
        let wanted = optional::<Lifetime>(message)?.map(|lifetime| lifetime.seconds());
        let lifetime = if wanted == Some(0) { 0 } else { self.granted(now.millis, made) };
        if wanted == Some(0) {
            self.release(slot);
        } else if lifetime == 0 || self.settings.admission.group(&signer.username.holder).is_none() {
            // It goes on until it runs out: an error leaves everything as it was (RFC 8656 §7.3).
            return Err(Refusal::Forbidden);
        } else if let Some(allocation) = self.table.get_mut(slot) {
            allocation.expires = now.millis + u64::from(lifetime) * 1000;
        }
        let reply = Reply::success(request, &mut self.reply).with(&Lifetime::new(lifetime));
        Ok(Done::Reply(reply.signed(signer.seal, &signer.key)))
    }

    /// How many seconds an allocation that was made at `made` gets now, whatever was asked for: RFC 8656 §7.2 never grants
    /// less than the default, and we never more. Less only where the longest comes to its end.
    fn granted(&self, millis: u64, made: u64) -> u32 {
        let limits = &self.settings.limits;
        let end = made + u64::from(limits.longest_seconds) * 1000;
        let left = end.saturating_sub(millis) / 1000;
        left.min(limits.lifetime_seconds.into()) as u32
    }

    fn relayed_ip(&self, family: Family) -> Option<IpAddr> {
        self.settings.relayed.iter().copied().find(|ip| Family::of(*ip) == family)
    }
}

/// What kind of relayed address an Allocate asks for.
struct Wanted {
    family: Family,
    even: bool,
    /// An IPv6 address too.
    both: bool,
}

impl Wanted {
    /// What RFC 8656 lets a server refuse is refused here: the reservation of a second port (508), and a port that was
    /// reserved (508, as none ever is).
    fn by(message: &Message<'_>) -> Result<Self, Refusal> {
        let token = optional::<ReservationToken>(message)?;
        let even = optional::<EvenPort>(message)?;
        let family = requested_family(message)?;
        let additional = optional::<AdditionalAddressFamily>(message)?;
        if token.is_some() && (even.is_some() || family.is_some() || additional.is_some())
            || additional.is_some() && family.is_some()
            || additional.as_ref().is_some_and(|additional| additional.family() != AddressFamily::IPV6)
        {
            return Err(Refusal::BadRequest);
        }
        if token.is_some() || even.as_ref().is_some_and(EvenPort::requested) {
            return Err(Refusal::InsufficientCapacity);
        }
        Ok(Self { family: family.unwrap_or(Family::V4), even: even.is_some(), both: additional.is_some() })
    }
}

/// REQUESTED-ADDRESS-FAMILY; a family that does not exist is one that is not supported.
fn requested_family(message: &Message<'_>) -> Result<Option<Family>, Refusal> {
    let Some(raw) = message.raw_attribute(RequestedAddressFamily::TYPE) else { return Ok(None) };
    match (RequestedAddressFamily::from_raw_ref(&raw).map(|attribute| attribute.family()), raw.value.len()) {
        (Ok(AddressFamily::IPV4), _) => Ok(Some(Family::V4)),
        (Ok(AddressFamily::IPV6), _) => Ok(Some(Family::V6)),
        (Err(_), 4) => Err(Refusal::FamilyNotSupported),
        (Err(_), _) => Err(Refusal::BadRequest),
    }
}
