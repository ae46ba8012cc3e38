//! Two relays as processes, Klatch's and coturn's, and coturn's client that loads them.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64ct::{Base64, Encoding};

use super::relayed::{GREETING, REALM, SECRET, VERB};
#[path = "../../../../broker/relay/tests/support/speech.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "what the relay's own tests speak, of which the bench needs little")]
pub mod speech;

const PATIENCE: Duration = Duration::from_secs(10);

/// Which relay.
#[derive(Clone, Copy)]
pub enum Maker {
    Klatch,
    Coturn,
}

/// A relay that runs, until it is dropped.
pub struct Turn {
    process: Child,
    /// Its port for UDP and TCP.
    pub port: u16,
    /// Its port for TLS.
    pub tls_port: u16,
}

impl Turn {
    /// Starts one and waits until it answers.
    ///
    /// # Errors
    /// It does not.
    pub fn start(maker: Maker) -> Result<Self> {
        let (certificate, key) = certificate()?;
        let turn = match maker {
            Maker::Klatch => {
                let mut relay = Command::new(std::env::current_exe()?);
                let mut process = relay.arg(VERB).args([&certificate, &key]).stdout(Stdio::piped()).spawn()?;
                let mut line = String::new();
                BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
                let ports = line.trim().strip_prefix(GREETING).and_then(|ports| ports.split_once(' '));
                let (port, tls_port) = ports.with_context(|| format!("the relay says {line:?}"))?;
                Self { process, port: port.parse()?, tls_port: tls_port.parse()? }
            }
            Maker::Coturn => {
                let (port, tls_port) = (free_port()?, free_port()?);
                let mut relay = Command::new("turnserver");
                relay.args([
                    "-n",
                    "--no-cli",
                    "--allow-loopback-peers",
                    "--use-auth-secret",
                    "--log-file",
                    "/dev/null",
                ]);
                relay.args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--realm", REALM]);
                relay.arg("--static-auth-secret").arg(SECRET);
                relay.args(["--listening-port", &port.to_string(), "--tls-listening-port", &tls_port.to_string()]);
                relay.arg("--cert").arg(&certificate).arg("--pkey").arg(&key);
                relay.arg("--pidfile").arg(certificate.with_file_name("turnserver.pid"));
                let process = relay.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
                Self { process: process.context("turnserver (Debian: coturn)")?, port, tls_port }
            }
        };
        turn.settle()?;
        Ok(turn)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it has dealt with all that it was sent.
    ///
    /// # Errors
    /// It is gone.
    pub fn settle(&self) -> Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        for id in 0..100 {
            socket.send_to(&speech::binding(id), (Ipv4Addr::LOCALHOST, self.port))?;
            if socket.recv(&mut [0; 500]).is_ok() {
                return Ok(());
            }
        }
        bail!("the relay does not answer")
    }

    /// Asks for an allocation from a socket of its own, as somebody without credentials.
    ///
    /// # Errors
    /// There is no socket.
    pub fn knock(&self) -> Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.send_to(&speech::bare_allocate(1), (Ipv4Addr::LOCALHOST, self.port))?;
        Ok(())
    }

    /// Makes an allocation, which lives on when the socket is closed.
    ///
    /// # Errors
    /// It is refused.
    pub fn allocate(&self) -> Result<UdpSocket> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect((Ipv4Addr::LOCALHOST, self.port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let unix = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
        let secret = klatch_relay::Secret::new(SECRET.as_bytes())?;
        let mut speaker = speech::Speaker::new(&secret.credentials(&"bench".parse()?, unix, 600));
        let ask = |request: &[u8]| -> Result<speech::Answer> {
            socket.send(request)?;
            let mut buffer = [0; 1500];
            let length = socket.recv(&mut buffer)?;
            Ok(speech::Answer(buffer[..length].to_vec()))
        };
        speaker.heed(&ask(&speech::bare_allocate(1))?);
        let answer = ask(&speaker.allocate())?;
        ensure!(answer.code() == 0, "an allocation is refused with {}", answer.code());
        Ok(socket)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `turnutils_peer`, which echoes.
pub struct Peer {
    process: Child,
    port: u16,
}

impl Peer {
    /// Starts one.
    ///
    /// # Errors
    /// It is not installed.
    pub fn start() -> Result<Self> {
        let port = free_port()?;
        let mut peer = Command::new("turnutils_peer");
        peer.args(["-L", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { process: peer.spawn().context("turnutils_peer (Debian: coturn)")?, port })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What runs of `turnutils_uclient` came to.
#[derive(Default)]
pub struct Run {
    pub sent: f64,
    pub received: f64,
}

/// Runs `turnutils_uclient` with these arguments, once for each of the peers at a time: through `turn` to the peer and back, or
/// between its own clients.
///
/// # Errors
/// One does not run, or does not say how it went.
pub fn run(turn: &Turn, peers: &[Peer], arguments: &[&str]) -> Result<Run> {
    let port = if arguments.contains(&"-S") { turn.tls_port } else { turn.port };
    let start = |peer: &Peer| {
        let mut client = Command::new("turnutils_uclient");
        client.args(["-c", "-u", "bench", "-W", SECRET, "-p", &port.to_string()]).args(arguments);
        if !arguments.contains(&"-y") {
            client.args(["-e", "127.0.0.1", "-r", &peer.port.to_string()]);
        }
        client.arg("127.0.0.1").stdout(Stdio::piped()).stderr(Stdio::piped());
        client.spawn().context("turnutils_uclient (Debian: coturn)")
    };
    let clients = peers.iter().map(start).collect::<Result<Vec<Child>>>()?;
    // All have started; each waits with what it says until it is read, which is after its work.
    clients.into_iter().map(Child::wait_with_output).try_fold(Run::default(), |sum, output| {
        let output = output?;
        let text = [output.stdout, output.stderr].concat();
        let Run { sent, received } = read(&String::from_utf8_lossy(&text))?;
        Ok(Run { sent: sum.sent + sent, received: sum.received + received })
    })
}

fn read(text: &str) -> Result<Run> {
    // It says so again and again; the last time counts.
    let number = |name: &str| {
        let (_, rest) = text.rsplit_once(name)?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<f64>().ok()
    };
    let told = number("tot_send_msgs=").zip(number("tot_recv_msgs="));
    let (sent, received) = told.with_context(|| format!("turnutils_uclient failed: {text}"))?;
    ensure!(received > 0.0, "nothing came through: {text}");
    Ok(Run { sent, received })
}

fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A certificate and its key, as files.
///
/// # Errors
/// There is no place for them.
pub fn certificate() -> Result<(PathBuf, PathBuf)> {
    let folder = std::env::temp_dir().join(format!("klatch-bench-{}", std::process::id()));
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    if !key.exists() {
        std::fs::create_dir_all(&folder)?;
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        write_pem(&certificate, "CERTIFICATE", made.cert.der())?;
        write_pem(&key, "PRIVATE KEY", &made.signing_key.serialize_der())?;
    }
    Ok((certificate, key))
}

fn write_pem(path: &Path, label: &str, der: &[u8]) -> Result<()> {
    let text = Base64::encode_string(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    std::fs::write(path, format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")))?;
    Ok(())
}
