//! Whether somebody answers STUN at an address (RFC 8489 §5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use klatch_shared::random_bytes;
use tokio::net::UdpSocket;
use tokio::time::timeout;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING: [u8; 4] = [0x00, 0x01, 0x00, 0x00];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
/// Datagrams get lost.
const TRIES: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks who is there by a Binding request.
pub(super) async fn answers(at: SocketAddr) -> bool {
    let any: IpAddr = if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let Ok(socket) = UdpSocket::bind((any, 0)).await else { return false };
    let transaction: [u8; 12] = random_bytes();
    let request = [&BINDING[..], &COOKIE, &transaction].concat();
    for _ in 0..TRIES {
        let asked = async {
            socket.send_to(&request, at).await.ok()?;
            let mut answer = [0; 512];
            loop {
                let (length, _) = socket.recv_from(&mut answer).await.ok()?;
                let head = answer.get(..length.min(20))?;
                if head.starts_with(&BINDING_SUCCESS) && head.get(4..) == Some(&request[4..]) {
                    return Some(());
                }
            }
        };
        if timeout(PATIENCE, asked).await.ok().flatten().is_some() {
            return true;
        }
    }
    false
}
