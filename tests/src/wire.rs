//! Everything that passes between browsers and the broker, byte by byte, and looking for things in it.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A proxy in front of a broker that remembers all bytes.
pub struct Recorder {
    port: u16,
    target: Arc<AtomicU16>,
    traffic: watch::Sender<Traffic>,
    wires: Wires,
    task: tokio::task::JoinHandle<()>,
}

/// What becomes of wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traffic {
    Flows,
    /// They are there, and nothing passes.
    Stalled,
    /// There are none.
    Torn,
}

/// One connection: what the browser sent, what the broker sent.
#[derive(Clone, Default)]
pub struct Wire {
    /// To the broker.
    pub up: Vec<u8>,
    /// To the browser.
    pub down: Vec<u8>,
}

type Wires = Arc<Mutex<Vec<Wire>>>;

impl Recorder {
    /// Listens on a free port. The broker is told of it (`--public-url`) before it is known where the broker listens:
    /// [`Recorder::forward_to`] says that.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (target, wires) = (Arc::new(AtomicU16::new(0)), Wires::default());
        let (traffic, watching) = watch::channel(Traffic::Flows);
        let task = tokio::spawn({
            let (target, wires) = (target.clone(), wires.clone());
            async move {
                while let Ok((browser, _)) = listener.accept().await {
                    let broker = SocketAddr::from(([127, 0, 0, 1], target.load(Ordering::Relaxed)));
                    let index = {
                        let mut wires = lock(&wires);
                        wires.push(Wire::default());
                        wires.len() - 1
                    };
                    let passing = pass(browser, broker, wires.clone(), index);
                    tokio::spawn(as_traffic_is(passing, watching.clone()));
                }
            }
        });
        Ok(Self { port, target, traffic, wires, task })
    }

    /// The broker's port.
    pub fn forward_to(&self, port: u16) {
        self.target.store(port, Ordering::Relaxed);
    }

    /// Tears all wires and every new one, until they may last again.
    pub fn let_pass(&self, open: bool) {
        self.traffic.send_replace(if open { Traffic::Flows } else { Traffic::Torn });
    }

    /// Takes everything and says nothing, on all wires and every new one, until it is to pass again.
    pub fn stall(&self) {
        self.traffic.send_replace(Traffic::Stalled);
    }

    /// What browsers open.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// What passed so far.
    pub fn wires(&self) -> Vec<Wire> {
        lock(&self.wires).clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    /// Lines that start a request, such as `GET / HTTP/1.1`.
    pub fn requests(&self) -> Vec<String> {
        let head = if self.is_websocket() { self.up.split(|byte| *byte == b'\n').next() } else { Some(&self.up[..]) };
        let text = String::from_utf8_lossy(head.unwrap_or_default()).into_owned();
        text.lines().filter(|line| line.contains(" HTTP/1.")).map(str::to_owned).collect()
    }

    /// Whether it became a WebSocket.
    pub fn is_websocket(&self) -> bool {
        self.down.starts_with(b"HTTP/1.1 101")
    }

    /// What a WebSocket carried: both directions, unmasked. All that an HTTP connection carried otherwise.
    ///
    /// # Errors
    /// It is compressed, or not made of frames.
    pub fn plain(&self) -> Result<Vec<u8>> {
        if !self.is_websocket() {
            return Ok([&self.up[..], &self.down[..]].concat());
        }
        let mut plain = Vec::new();
        for bytes in [&self.up, &self.down] {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").context("no end of the head")? + 4;
            let (head, frames) = bytes.split_at(end);
            // A browser always offers it; what counts is whether the answer takes it up.
            let agreed =
                head.starts_with(b"HTTP/1.1 101") && contains(&head.to_ascii_lowercase(), b"permessage-deflate");
            anyhow::ensure!(!agreed, "this WebSocket is compressed");
            plain.extend_from_slice(head);
            plain.extend(unmasked(frames));
        }
        Ok(plain)
    }
}

/// The payloads of WebSocket frames (RFC 6455 §5.2), a line feed behind each.
fn unmasked(mut bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let [_, second, rest @ ..] = bytes {
        let (length, rest) = match second & 0x7f {
            126 if rest.len() >= 2 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 if rest.len() >= 8 => {
                let length = u64::from_be_bytes(rest[..8].try_into().expect("eight bytes"));
                (usize::try_from(length).unwrap_or(usize::MAX), &rest[8..])
            }
            126 | 127 => break,
            length => (usize::from(length), rest),
        };
        let (mask, rest) = if second & 0x80 == 0 {
            ([0; 4], rest)
        } else {
            let Some((mask, rest)) = rest.split_first_chunk() else { break };
            (*mask, rest)
        };
        let taken = length.min(rest.len());
        plain.extend(rest[..taken].iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
        plain.push(b'\n');
        bytes = &rest[taken..];
    }
    plain
}

/// How a secret could look on a wire or in memory: as it is, in hexadecimal, and inside a longer text in base64.
pub fn disguises(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // Three bytes make four characters: inside a longer text it starts at one of three places, and what its neighbours
    // share in the first and the last character is left out.
    for before in 0..3 {
        let text = [&[0; 2][..before], secret].concat();
        for encoded in [Base64Unpadded::encode_string(&text), Base64UrlUnpadded::encode_string(&text)] {
            let (start, end) = ((before * 4).div_ceil(3), text.len() * 4 / 3);
            forms.push(encoded.as_bytes()[start..end].to_vec());
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

/// Whether `needle` is in `hay`.
pub fn contains(hay: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(hay, needle).is_some()
}

async fn as_traffic_is(passing: impl Future<Output = ()>, mut traffic: watch::Receiver<Traffic>) {
    let mut passing = pin!(passing);
    loop {
        let now = *traffic.borrow_and_update();
        let flows = now == Traffic::Flows;
        if now == Traffic::Torn {
            return;
        }
        tokio::select! {
            changed = traffic.changed() => if changed.is_err() { return },
            () = &mut passing, if flows => return,
        }
    }
}

async fn pass(mut browser: TcpStream, broker: SocketAddr, wires: Wires, index: usize) {
    let Ok(mut broker) = TcpStream::connect(broker).await else { return };
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        tokio::select! {
            read = browser.read(&mut up) => match read {
                Ok(count @ 1..) => {
                    lock(&wires)[index].up.extend_from_slice(&up[..count]);
                    if broker.write_all(&up[..count]).await.is_err() { return }
                }
                Ok(0) | Err(_) => return,
            },
            read = broker.read(&mut down) => match read {
                Ok(count @ 1..) => {
                    lock(&wires)[index].down.extend_from_slice(&down[..count]);
                    if browser.write_all(&down[..count]).await.is_err() { return }
                }
                Ok(0) | Err(_) => return,
            },
        }
    }
}

fn lock(wires: &Wires) -> std::sync::MutexGuard<'_, Vec<Wire>> {
    wires.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_frame_is_read() {
        // RFC 6455 §5.7.
        let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0x81, 0x02, b'o', b'k'];
        assert_eq!(unmasked(&bytes), b"Hello\nok\n");
        assert_eq!(unmasked(&[&[0x82, 126, 1, 0][..], &[7; 256]].concat()).len(), 257);
    }

    #[test]
    fn a_secret_is_found_in_every_disguise() {
        let secret = b"Wilhelmine";
        let hidden = |text: Vec<u8>| disguises(secret).iter().any(|form| contains(&text, form));
        for (before, after) in [("", ""), ("x", "y"), ("xx", "yy"), (r#"{"name":""#, r#""}"#)] {
            let text = format!("{before}Wilhelmine{after}");
            assert!(hidden(Base64UrlUnpadded::encode_string(text.as_bytes()).into_bytes()), "{text}");
            assert!(hidden(text.into_bytes()));
        }
        assert!(hidden(b"..57696c68656c6d696e65..".to_vec()));
        assert!(!hidden(b"Wilhelmin".to_vec()));
    }
}
