//! Addresses that are listened on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use klatch_relay::is_without;
use rustix::io::Errno;
use rustix::net::sockopt::set_ipv6_v6only;
use tokio::net::{TcpListener, TcpSocket};

use crate::config::Config;

/// Connections that may wait to be accepted, as far as the system allows it. Beyond, whoever comes is silently turned away, and tries
/// again a second later, then two, then four.
const WAITING: u32 = 8192;

/// Somebody else has the address, or it is not this machine's.
#[derive(Debug, thiserror::Error)]
#[error("can't listen on {address}: {error}{}", way_out(error, *rivals))]
pub struct BadAddress {
    /// Which.
    pub address: SocketAddr,
    /// What the system said.
    pub error: io::Error,
    /// The flags that both want it, if it is ourselves who have it.
    pub rivals: Option<(&'static str, &'static str)>,
}

impl BadAddress {
    pub(crate) fn new(config: &Config, address: SocketAddr, error: io::Error) -> Self {
        let is_in_use = error.kind() == io::ErrorKind::AddrInUse;
        Self { address, error, rivals: rivals(config, address).filter(|_| is_in_use) }
    }
}

/// Listens on all of these, and says where that is.
pub(crate) async fn listen(
    config: &Config,
    addresses: &[SocketAddr],
) -> Result<(Vec<TcpListener>, Vec<SocketAddr>), BadAddress> {
    let mut listeners = Vec::new();
    for address in addresses {
        let address = *address;
        listeners.push(on_what_there_is(address, listen_on).map_err(|error| BadAddress::new(config, address, error))?);
    }
    let addresses = listeners.iter().map(|listener| listener.local_addr().expect("a bound listener has an address"));
    let addresses = addresses.collect();
    Ok((listeners, addresses))
}

/// Opens an address; all of them are those of IPv4 alone on a machine without IPv6.
fn on_what_there_is<T>(address: SocketAddr, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    match open(address) {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && is_without(&error) => {
            open((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        other => other,
    }
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        // [::] is all addresses, whatever the system takes it for of itself.
        set_ipv6_v6only(&socket, false)?;
    }
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// The first two flags that can't both have what they name, of which one is this address.
fn rivals(config: &Config, address: SocketAddr) -> Option<(&'static str, &'static str)> {
    let relay = config.relay.turn.then_some(&config.relay);
    let of = |flag, addresses: &[SocketAddr]| addresses.iter().map(move |at| (flag, *at)).collect::<Vec<_>>();
    let wanted = [
        of("--listen", &config.listen),
        of("--http-redirect", config.tls.http_redirect.as_slice()),
        of("--metrics-listen", config.metrics_listen.as_slice()),
        of("--turn-listen", relay.map_or(&[], |relay| &relay.turn_listen)),
        of("--turn-tls-listen", relay.map_or(&[], |relay| relay.turn_tls_listen.as_slice())),
    ]
    .concat();
    let pairs = wanted.iter().enumerate().flat_map(|(at, one)| wanted[..at].iter().map(move |other| (other, one)));
    let mut rivals = pairs.filter(|(one, other)| overlap(one.1, other.1) && [one.1, other.1].contains(&address));
    rivals.next().map(|(one, other)| (one.0, other.0))
}

/// Whether two listeners can't have these at once.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let (ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    let holds = |all: IpAddr, ip: IpAddr| all.is_unspecified() && (all.is_ipv6() || ip.is_ipv4());
    one.port() != 0 && one.port() == other.port() && (ip == other_ip || holds(ip, other_ip) || holds(other_ip, ip))
}

/// What to do about an address that can't be had.
fn way_out(error: &io::Error, rivals: Option<(&str, &str)>) -> String {
    if let Some((one, other)) = rivals {
        return if one == other {
            format!("; {one} names it twice, and once is enough")
        } else {
            format!("; {one} and {other} both want it, so give one of them another port")
        };
    }
    let way_out = match error.kind() {
        io::ErrorKind::AddrInUse => "; stop what has it, or name another",
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need the capability CAP_NET_BIND_SERVICE, or name a higher one"
        }
        io::ErrorKind::AddrNotAvailable => "; name an address of this machine's, or [::] for all of them",
        _ if error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) => {
            "; this machine has no IPv6, so name an address of IPv4, or 0.0.0.0 for all of them"
        }
        _ => "",
    };
    way_out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use tokio::net::TcpStream;

    #[test]
    fn whoever_wants_one_address_twice_is_told_by_which_flags() {
        let rivals = |flags: &[&str], address: &str| {
            let config = Config::parse_from(["klatch"].iter().chain(flags));
            rivals(&config, address.parse().expect("an address"))
        };
        let listen = ["--listen", "127.0.0.1:81"];
        let with = |flags: &[&'static str]| [&listen[..], flags].concat();
        for (flags, address, expected) in [
            (with(&["--metrics-listen", "127.0.0.1:81"]), "127.0.0.1:81", Some(("--listen", "--metrics-listen"))),
            (with(&["--metrics-listen", "0.0.0.0:81"]), "0.0.0.0:81", Some(("--listen", "--metrics-listen"))),
            (with(&["--metrics-listen", "[::]:81"]), "[::]:81", Some(("--listen", "--metrics-listen"))),
            (
                with(&["--self-signed", "--http-redirect", "[::ffff:127.0.0.1]:81"]),
                "127.0.0.1:81",
                Some(("--listen", "--http-redirect")),
            ),
            (with(&["--turn", "--turn-listen", "127.0.0.1:81"]), "127.0.0.1:81", Some(("--listen", "--turn-listen"))),
            (with(&["--listen", "127.0.0.1:81"]), "127.0.0.1:81", Some(("--listen", "--listen"))),
            (with(&["--metrics-listen", "127.0.0.1:82"]), "127.0.0.1:82", None),
            (with(&["--metrics-listen", "[::1]:81"]), "[::1]:81", None),
            (with(&["--metrics-listen", "[::]:81"]), "127.0.0.1:82", None),
            (["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"].to_vec(), "127.0.0.1:0", None),
        ] {
            assert_eq!(rivals(&flags, address), expected, "{flags:?}");
        }
    }

    #[test]
    fn on_a_machine_without_ipv6_all_addresses_are_those_of_ipv4() {
        let without = |errno: Errno| {
            move |address: SocketAddr| match address {
                SocketAddr::V6(_) => Err(io::Error::from(errno)),
                SocketAddr::V4(_) => Ok(address),
            }
        };
        let opened = |address: &str, errno| {
            let opened = on_what_there_is(address.parse().expect(address), without(errno));
            opened.map(|address| address.to_string()).map_err(|error| error.kind())
        };
        for errno in [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL] {
            assert_eq!(opened("[::]:443", errno), Ok("0.0.0.0:443".into()));
            assert!(opened("[::1]:443", errno).is_err(), "that is not what was asked for");
        }
        assert_eq!(opened("[::]:443", Errno::ADDRINUSE), Err(io::ErrorKind::AddrInUse));
        assert_eq!(opened("127.0.0.1:443", Errno::AFNOSUPPORT), Ok("127.0.0.1:443".into()));
    }

    #[test]
    fn whoever_names_an_address_of_ipv6_where_there_is_none_is_told_what_to_name() {
        let config = Config::parse_from(["klatch", "--listen", "[::1]:443"]);
        let error = BadAddress::new(&config, config.listen[0], Errno::AFNOSUPPORT.into()).to_string();
        assert!(
            error.starts_with("can't listen on [::1]:443: ") && error.contains("; this machine has no IPv6"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn all_addresses_of_ipv6_are_those_of_ipv4_too() {
        let all = "[::]:0".parse().expect("an address");
        // A machine may be without IPv6.
        let Ok(listener) = listen_on(all) else { return };
        let port = listener.local_addr().expect("bound").port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("it listens there as well");
    }
}
