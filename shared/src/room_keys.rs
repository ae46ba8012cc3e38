//! What the room's key gives: the sealing key, the signing pair and with it the room's id; and the proof that
//! somebody holds it.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::encoding::{encode, fields, text_bytes};
use crate::seal::SealingKey;
use crate::{MemberId, Nonce, RoomId, RoomKey};

const SEALING_LABEL: &[u8] = b"klatch.v1 room sealing";
const SIGNING_LABEL: &[u8] = b"klatch.v1 room signing";

/// The public half of the room's Ed25519 pair. The room's id is its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RoomPublicKey([u8; 32]);

text_bytes!(RoomPublicKey, 32);

impl fmt::Debug for RoomPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomPublicKey({})", encode(&self.0))
    }
}

impl RoomPublicKey {
    /// The room that this key opens: UUID v8 of the first 16 bytes of its SHA-256.
    pub fn room_id(&self) -> RoomId {
        let hash = Sha256::digest(self.0);
        RoomId::from_hash(*hash.first_chunk().expect("SHA-256 is 32 bytes long"))
    }

    /// Whether `proof` was made with this room's key for exactly these circumstances.
    pub fn verifies(&self, proof: &Proof, label: ProofLabel, nonce: &Nonce, member: &MemberId) -> bool {
        let Ok(key) = ed25519_dalek::VerifyingKey::from_bytes(&self.0) else {
            return false;
        };
        let signature = ed25519_dalek::Signature::from_bytes(&proof.0);
        key.verify_strict(&proof_text(label, nonce, &self.room_id(), member), &signature).is_ok()
    }
}

/// A signature by the room's key over (label, the broker's nonce for the socket, room, member).
#[derive(Clone, PartialEq, Eq)]
pub struct Proof([u8; 64]);

text_bytes!(Proof, 64);

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(…)")
    }
}

/// What a [`Proof`] is for; a proof for one is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofLabel {
    /// Opening the room.
    Create,
    /// Entering it.
    Join,
    /// Bringing it back to a broker that was restarted.
    Revive,
}

impl ProofLabel {
    fn text(self) -> &'static [u8] {
        match self {
            Self::Create => b"klatch.v1 create",
            Self::Join => b"klatch.v1 join",
            Self::Revive => b"klatch.v1 revive",
        }
    }
}

fn proof_text(label: ProofLabel, nonce: &Nonce, room: &RoomId, member: &MemberId) -> Vec<u8> {
    fields(&[label.text(), nonce.as_bytes(), room.as_bytes(), member.as_bytes()])
}

/// All that follows from a [`RoomKey`]. Made once a room, kept in the page.
#[derive(Clone)]
pub struct RoomKeys {
    key: RoomKey,
    sealing: SealingKey,
    signing: SigningKey,
    id: RoomId,
}

impl RoomKeys {
    /// Derives them (HKDF-SHA256, RFC 5869, no salt, one label each).
    pub fn derive(key: &RoomKey) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, &key.0);
        let expand = |label: &[u8]| {
            let mut out = Zeroizing::new([0; 32]);
            hkdf.expand(label, &mut *out).expect("32 bytes are within HKDF's bound");
            out
        };
        let signing = SigningKey::from_bytes(&expand(SIGNING_LABEL));
        let id = RoomPublicKey(signing.verifying_key().to_bytes()).room_id();
        Self { key: key.clone(), sealing: SealingKey::new(*expand(SEALING_LABEL)), signing, id }
    }

    /// The room's id.
    pub fn id(&self) -> RoomId {
        self.id
    }

    /// The room's key itself.
    pub fn key(&self) -> &RoomKey {
        &self.key
    }

    /// The key that room-wide things are sealed with.
    pub fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    /// The public half, for the broker.
    pub fn public(&self) -> RoomPublicKey {
        RoomPublicKey(self.signing.verifying_key().to_bytes())
    }

    /// A proof for one socket and one member.
    pub fn prove(&self, label: ProofLabel, nonce: &Nonce, member: &MemberId) -> Proof {
        Proof(self.signing.sign(&proof_text(label, nonce, &self.id, member)).to_bytes())
    }
}

impl fmt::Debug for RoomKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomKeys({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_room_and_another_key_another() {
        let key = RoomKey::random();
        assert_eq!(RoomKeys::derive(&key).id(), RoomKeys::derive(&key).id());
        assert_ne!(RoomKeys::derive(&key).id(), RoomKeys::derive(&RoomKey::random()).id());
        assert_eq!(RoomKeys::derive(&key).public().room_id(), RoomKeys::derive(&key).id());
    }

    #[test]
    fn a_proof_holds_for_its_own_circumstances_alone() {
        let keys = RoomKeys::derive(&RoomKey::random());
        let (nonce, member) = (Nonce::random(), MemberId::random());
        let proof = keys.prove(ProofLabel::Join, &nonce, &member);
        let public = keys.public();
        assert!(public.verifies(&proof, ProofLabel::Join, &nonce, &member));
        assert!(!public.verifies(&proof, ProofLabel::Create, &nonce, &member));
        assert!(!public.verifies(&proof, ProofLabel::Join, &Nonce::random(), &member));
        assert!(!public.verifies(&proof, ProofLabel::Join, &nonce, &MemberId::random()));
        let other = RoomKeys::derive(&RoomKey::random()).public();
        assert!(!other.verifies(&proof, ProofLabel::Join, &nonce, &member));
    }

    #[test]
    fn a_public_key_of_small_order_verifies_nothing() {
        let public = RoomPublicKey([0; 32]);
        assert!(!public.verifies(&Proof([0; 64]), ProofLabel::Join, &Nonce::random(), &MemberId::random()));
    }
}
