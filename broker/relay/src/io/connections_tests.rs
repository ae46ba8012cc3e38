//! Connections without the loop around them: whose turn it is.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use super::*;
use crate::admission::Everyone;
use crate::core::{Core, Seeds, Settings};
use crate::credentials::Secret;
use crate::figures::Counts;
use crate::io::handshakes::Stage;
use crate::policy::Policy;

const NOW: Now = Now { millis: 0, unix: 1 };

fn net() -> Net {
    let counts = Arc::<Counts>::default();
    let settings = Settings {
        secret: Secret::random(),
        realm: "realm".parse().unwrap(),
        policy: Policy::default(),
        relayed: Vec::new(),
        limits: Limits::default(),
        admission: Arc::new(Everyone),
    };
    let core = Core::counting(settings, &Seeds { nonces: [1; 32], indications: [2; 12] }, counts.clone());
    Net::new(core, counts, Limits::default(), Vec::new(), Vec::new(), 1..=1).unwrap()
}

/// What serves TLS, and a ClientHello for it.
fn tls() -> (Arc<ServerConfig>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    (Arc::new(server), hello)
}

#[test]
fn one_turn_takes_one_step_of_one_handshake_however_many_come_at_once() {
    let (config, hello) = tls();
    let (mut net, mut scratch) = (net(), Scratch::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut others = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        other.write_all(&hello).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        ids.push(net.take_in(NOW, accepted, Cover::Awaited(config.clone())).unwrap());
        others.push(other);
    }
    ids.iter().for_each(|id| net.stream_says(NOW, *id, &mut scratch));
    assert!(net.due.is_empty(), "nobody has been answered yet");
    for id in ids {
        net.shake_hands(NOW, &mut scratch);
        assert_eq!(net.due, [id], "in the order in which they spoke");
        net.send_streams();
        assert!(net.streams[&id].shakes_hands().is_ok_and(|stage| stage == Some(Stage::GoesOn)));
    }
    net.shake_hands(NOW, &mut scratch);
    assert!(net.due.is_empty());
}
