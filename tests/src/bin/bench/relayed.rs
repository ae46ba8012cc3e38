//! Klatch's relay as a process of its own, so that its CPU time and memory are its alone.

use std::sync::Arc;

use anyhow::{Context, Result};
use klatch_relay::{Config, Everyone, Limits, Relay, Secret};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

/// Asks this program to be the relay; certificate and key follow.
pub const VERB: &str = "relay-server";
/// What it says before its ports, once it serves.
pub const GREETING: &str = "relay listening on ";
/// Behind the credentials of both relays.
pub const SECRET: &str = "a secret of the bench";
pub const REALM: &str = "klatch.bench";

/// Serves until it is killed.
///
/// # Errors
/// It can't start.
pub fn serve(certificate: &str, key: &str) -> Result<()> {
    let certificates = vec![CertificateDer::from_pem_file(certificate)?];
    let key = rustls::crypto::ring::default_provider()
        .key_provider
        .load_private_key(PrivateKeyDer::from_pem_file(key).context("the key")?)?;
    let certified = SingleCertAndKey::from(CertifiedKey::new(certificates, key));
    // A bench is one member from one address with everybody's traffic.
    let limits = Limits {
        allocations: 100_000,
        allocations_per_credential: 10_000,
        allocations_per_address: 10_000,
        allocations_per_room: 10_000,
        challenges_per_second: 1_000_000,
        requests_per_second: 1_000_000,
        bindings_per_second: 1_000_000,
        packets_per_second: 1_000_000,
        bytes_per_second: 1_000_000_000,
        room_bytes_per_second: 4_000_000_000,
        address_bytes_per_second: 4_000_000_000,
        ..Limits::default()
    };
    let relay = Relay::start(
        Config {
            listen: vec!["127.0.0.1:0".parse()?],
            tls_listen: vec!["127.0.0.1:0".parse()?],
            certificates: Some(Arc::new(certified)),
            allow_peer: vec!["127.0.0.0/8".parse()?],
            limits,
            ..Config::new(Secret::new(SECRET.as_bytes())?, REALM.parse()?)
        },
        Arc::new(Everyone),
    )?;
    let addresses = relay.addresses();
    println!("{GREETING}{} {}", addresses.udp[0].port(), addresses.tls[0].port());
    loop {
        std::thread::park();
    }
}
