//! A client over real sockets: UDP, TCP or TLS on loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use klatch_relay::{Config, Everyone, Figures, Relay, Secret};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::speech::{Answer, Speaker, bare_allocate};
use super::world::SECRET;

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A relay on loopback that relays to loopback.
pub fn config() -> Config {
    let mut config = Config::new(Secret::new(SECRET).unwrap(), "klatch.test".parse().unwrap());
    config.listen = vec!["127.0.0.1:0".parse().unwrap()];
    config.allow_peer = vec!["127.0.0.0/8".parse().unwrap()];
    config
}

/// The same with TLS, and what trusts its certificate.
pub fn tls_config() -> (Config, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let certified = CertifiedKey::new(vec![made.cert.der().clone()], key);
    let config = Config {
        tls_listen: vec!["127.0.0.1:0".parse().unwrap()],
        certificates: Some(Arc::new(rustls::sign::SingleCertAndKey::from(certified))),
        ..config()
    };
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (config, Arc::new(client.with_root_certificates(roots).with_no_client_auth()))
}

pub fn start(config: Config) -> Relay {
    Relay::start(config, Arc::new(Everyone)).unwrap()
}

/// Waits until the figures are as they are to be.
pub fn until(relay: &Relay, holds: impl Fn(&Figures) -> bool) {
    let begun = Instant::now();
    while !holds(&relay.figures()) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", relay.figures());
        std::thread::yield_now();
    }
}

/// How a visitor reaches the relay.
pub enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

pub struct Visitor {
    pub way: Way,
    pub speaker: Speaker,
}

impl Visitor {
    pub fn over_udp(relay: &Relay) -> Self {
        let to = relay.addresses().udp[0];
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(to).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::new(Way::Udp(socket))
    }

    pub fn over_tcp(relay: &Relay) -> Self {
        Self::new(Way::Tcp(connect(relay.addresses().tcp[0])))
    }

    pub fn over_tls(relay: &Relay, trust: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(trust.clone(), name).unwrap();
        Self::new(Way::Tls(Box::new(StreamOwned::new(connection, connect(relay.addresses().tls[0])))))
    }

    pub fn new(way: Way) -> Self {
        let unix = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let credentials = Secret::new(SECRET).unwrap().credentials(&"ana".parse().unwrap(), unix, 600);
        Self { way, speaker: Speaker::new(&credentials) }
    }

    pub fn say(&mut self, bytes: &[u8]) {
        match &mut self.way {
            Way::Udp(socket) => drop(socket.send(bytes).unwrap()),
            Way::Tcp(stream) => write(stream, bytes),
            Way::Tls(stream) => write(stream, bytes),
        }
    }

    /// The next message; on a stream, without its padding.
    pub fn hear(&mut self) -> Vec<u8> {
        match &mut self.way {
            Way::Udp(socket) => {
                let mut buffer = vec![0; 65_536];
                let length = socket.recv(&mut buffer).unwrap();
                buffer.truncate(length);
                buffer
            }
            Way::Tcp(stream) => read(stream),
            Way::Tls(stream) => read(stream),
        }
    }

    pub fn ask(&mut self, request: &[u8]) -> Answer {
        self.say(request);
        Answer(self.hear())
    }

    /// Gets an allocation; its relayed address.
    pub fn allocate(&mut self) -> SocketAddr {
        let challenge = self.ask(&bare_allocate(1));
        self.speaker.heed(&challenge);
        let request = self.speaker.allocate();
        let answer = self.ask(&request);
        assert_eq!(answer.code(), 0);
        answer.relayed()
    }

    pub fn permit(&mut self, peer: SocketAddr) {
        let request = self.speaker.permit(peer);
        assert_eq!(self.ask(&request).code(), 0);
    }

    pub fn bind(&mut self, number: u16, peer: SocketAddr) {
        let request = self.speaker.bind(number, peer);
        assert_eq!(self.ask(&request).code(), 0);
    }

    /// Whether the relay has closed the connection.
    pub fn is_shut(&mut self) -> bool {
        let mut byte = [0];
        match &mut self.way {
            Way::Udp(_) => false,
            Way::Tcp(stream) => !matches!(stream.read(&mut byte), Ok(1)),
            Way::Tls(stream) => !matches!(stream.read(&mut byte), Ok(1)),
        }
    }
}

pub fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn write(stream: &mut impl Write, bytes: &[u8]) {
    let padded = [bytes, &[0; 3][..bytes.len().wrapping_neg() % 4]].concat();
    stream.write_all(&padded).unwrap();
    stream.flush().unwrap();
}

fn read(stream: &mut impl Read) -> Vec<u8> {
    let mut message = vec![0; 4];
    stream.read_exact(&mut message).unwrap();
    let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
    let all = if message[0] < 0x40 { 20 + length } else { 4 + length };
    message.resize(all + all.wrapping_neg() % 4, 0);
    stream.read_exact(&mut message[4..]).unwrap();
    message.truncate(all);
    message
}
