//! Addresses that are listened on.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted, as far as the system allows it. Beyond, whoever comes is silently turned away, and tries
/// again a second later, then two, then four.
const WAITING: u32 = 8192;

/// Somebody else has the address, or it is not this machine's.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {error}{}", way_out(error))]
pub struct BadAddress {
    /// Which.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

/// Listens on all of these, and says where that is.
pub(crate) async fn listen(addresses: &[SocketAddr]) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), BadAddress> {
    let mut listeners = Vec::new();
    for address in addresses {
        let address = *address;
        listeners.push(listen_on(address).map_err(|error| BadAddress { address, error })?);
    }
    let addresses = listeners.iter().map(|listener| listener.local_addr().expect("a bound listener has an address"));
    let addresses = addresses.collect();
    Ok((listeners, addresses))
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// What to do about an address that can't be had.
fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "; stop what has it, or name another",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the capability CAP_NET_BIND_SERVICE, or name a higher one"
        }
        io::ErrorKind::AddrNotAvailable => "; name an address of this machine's, or [::] for all of them",
        _ => "",
    }
}
