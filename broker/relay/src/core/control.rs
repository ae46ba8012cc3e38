//! Requests: who is answered, and how refusals are said.

use stun_types::attribute::Fingerprint;
use stun_types::message::{BINDING, Message, MessageClass};
use stun_types::prelude::AttributeStaticType;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, REFRESH};

use crate::core::allocate::Ticket;
use crate::core::auth::{Signer, Stranger};
use crate::core::{Client, Core, Now, Slot, Step};
use crate::limits::MAX_REQUEST;
use crate::message::{Refusal, Reply, Request, not_understood};
use crate::wire::is_sound;

/// What becomes of a request.
pub(super) enum Done {
    /// A reply of so many bytes is written.
    Reply(usize),
    Open(Box<Ticket>),
}

impl Core {
    pub(super) fn control(&mut self, now: Now, client: Client, bytes: &[u8]) -> Step<'_> {
        let sound = bytes.len() <= MAX_REQUEST && is_sound(bytes);
        let Some(message) = sound.then(|| Message::from_bytes(bytes).ok()).flatten() else {
            self.counts.dropped_malformed.add(1);
            return Step::Rest;
        };
        if message.class() != MessageClass::Request {
            return Step::Rest;
        }
        let fingerprint = message.has_attribute(Fingerprint::TYPE);
        let request = Request { method: message.method(), id: message.transaction_id(), fingerprint };
        let done = match request.method {
            BINDING => self.binding(now, client, &request, &message),
            ALLOCATE | REFRESH | CREATE_PERMISSION | CHANNEL_BIND => self.signed(now, client, &request, &message),
            _ => None,
        };
        match done {
            Some(Done::Reply(length)) => Step::Reply(&self.reply[..length]),
            Some(Done::Open(ticket)) => Step::Open(ticket),
            None => Step::Rest,
        }
    }

    fn binding(&mut self, now: Now, client: Client, request: &Request, message: &Message<'_>) -> Option<Done> {
        if !self.bindings.answers(now.millis, &client) {
            self.counts.dropped_strangers.add(1);
            return None;
        }
        if let Some(unknown) = not_understood(message) {
            self.counts.refused(Refusal::UnknownAttribute);
            let reply = Reply::refusal(request, Refusal::UnknownAttribute, &mut self.reply);
            return Some(Done::Reply(reply.with(&unknown).done()));
        }
        self.counts.bindings.add(1);
        let reply = Reply::success(request, &mut self.reply).with_mapped(client.address, request.id);
        Some(Done::Reply(reply.done()))
    }

    fn signed(&mut self, now: Now, client: Client, request: &Request, message: &Message<'_>) -> Option<Done> {
        let signer = match self.signer(now, &client, message) {
            Ok(signer) => signer,
            Err(Stranger::Refused(refusal)) => return self.refuse_stranger(now, client, request, refusal),
            Err(Stranger::Hasty) => {
                self.counts.dropped_excess.add(1);
                return None;
            }
        };
        if let Some(unknown) = not_understood(message) {
            self.counts.refused(Refusal::UnknownAttribute);
            let reply = Reply::refusal(request, Refusal::UnknownAttribute, &mut self.reply).with(&unknown);
            return Some(Done::Reply(reply.signed(signer.seal, &signer.key)));
        }
        let (seal, key) = (signer.seal, signer.key.clone());
        let done = match request.method {
            ALLOCATE => self.allocate(now, client, request, message, signer),
            REFRESH => self.refresh(now, client, request, message, &signer),
            CREATE_PERMISSION => self.create_permission(now, client, request, message, &signer),
            _ => self.channel_bind(now, client, request, message, &signer),
        };
        match done {
            Ok(done) => Some(done),
            // The credentials are right but at their end: new ones are wanted, which 401 asks for. It is not signed.
            Err(Refusal::Unauthorized) => Some(self.challenge(now, client, request, Refusal::Unauthorized)),
            Err(refusal) => {
                self.counts.refused(refusal);
                Some(Done::Reply(Reply::refusal(request, refusal, &mut self.reply).signed(seal, &key)))
            }
        }
    }

    /// Refuses somebody who has not shown valid credentials, unless it happens too often. A stale nonce does not count:
    /// its sender has signed rightly.
    fn refuse_stranger(&mut self, now: Now, client: Client, request: &Request, refusal: Refusal) -> Option<Done> {
        let is_known = refusal == Refusal::StaleNonce;
        if !is_known && !self.challenges.answers(now.millis, &client) {
            self.counts.dropped_strangers.add(1);
            return None;
        }
        if refusal == Refusal::BadRequest {
            self.counts.refused(refusal);
            return Some(Done::Reply(Reply::refusal(request, refusal, &mut self.reply).done()));
        }
        Some(self.challenge(now, client, request, refusal))
    }

    fn challenge(&mut self, now: Now, client: Client, request: &Request, refusal: Refusal) -> Done {
        self.counts.refused(refusal);
        let nonce = self.nonce(now, &client);
        let reply = Reply::refusal(request, refusal, &mut self.reply);
        Done::Reply(reply.with_challenge(self.settings.realm.as_str(), &nonce).done())
    }

    /// The client's allocation, if it was made with the same credentials.
    pub(super) fn owned(&mut self, now: Now, client: &Client, signer: &Signer) -> Result<Slot, Refusal> {
        let slot = self.live(now, client).ok_or(Refusal::AllocationMismatch)?;
        let allocation = self.table.get(slot).ok_or(Refusal::AllocationMismatch)?;
        if *allocation.username == *signer.username.as_str() { Ok(slot) } else { Err(Refusal::WrongCredentials) }
    }
}
