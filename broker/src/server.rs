//! Sockets in, requests out: the accept loops, what bounds a connection before it is anybody's, and the end of it all.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use klatch_relay::Relay;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::config::Config;
use crate::doors::Doors;
use crate::ice::{IceUrl, Servers};
use crate::limits::Limits;
use crate::origin::Origins;
use crate::relay::{Bundled, RelayError, Seated};
use crate::rooms::Policy;
use crate::routes::{Caller, House, Visit, routes};
use crate::secret::BadSecretFile;
use crate::socket::quarters::{Parlour, breathe};
use crate::state::{State, StateError};
use crate::switchboard::Switchboard;
use crate::{page, secret};

/// A request's header may be this large: browsers send the cookies of everything else on localhost too.
const HEADER_BYTES: usize = 32 * 1024;
/// How long connections may take to end when the server stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted, as far as the system allows it. Beyond, whoever comes is silently turned away, and tries
/// again a second later, then two, then four.
const WAITING: u32 = 8192;
/// How long to wait when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A broker that serves.
pub struct Server {
    /// What was bound, in the order asked for.
    pub addresses: Vec<SocketAddr>,
    /// Opens on this machine.
    pub url: String,
    /// Where the bundled relay is found, if it runs.
    pub relay_url: Option<String>,
    relay: Option<Relay>,
    switchboard: Arc<Switchboard>,
    _parlour: Parlour,
    /// Ends when rooms can't be kept any more.
    keeping: Option<JoinHandle<StateError>>,
    /// Sending stops the listeners; it closes once the last connection has ended.
    running: watch::Sender<()>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else has the address, or it is not this machine's.
    #[error("can't listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A secret can't be had.
    #[error(transparent)]
    Secret(#[from] BadSecretFile),
    /// An outside TURN server for which there can be no credentials.
    #[error("{0} needs credentials: name the file with its secret by --ice-secret-file")]
    IceSecretMissing(IceUrl),
    /// The bundled relay can't run.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// Rooms can't be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system has no threads left.
    #[error("can't start threads")]
    Threads(#[source] io::Error),
}

/// Binds and serves until [`Server::shutdown`], or until the [`Server`] is dropped.
///
/// # Errors
/// [`ServeError`] says what is in the way.
pub async fn serve(config: &Config) -> Result<Server, ServeError> {
    let mut listeners = Vec::new();
    for address in &config.listen {
        let address = *address;
        listeners.push(listen(address).map_err(|source| ServeError::Listen { address, source })?);
    }
    let addresses: Vec<SocketAddr> =
        listeners.iter().map(|listener| listener.local_addr().expect("a bound listener has an address")).collect();
    let url = addresses.first().map(local_url).unwrap_or_default();

    let limits = config.limits();
    let policy = Policy {
        max_members: config.max_members as usize,
        max_rooms: config.max_rooms as usize,
        room_ttl: config.room_ttl.as_millis(),
        revives_until: 0,
    };
    let public_url = config.public_url.as_ref().map(ToString::to_string);
    let seated = Arc::<Seated>::default();
    let (bundled, servers) = relays(config, Arc::clone(&seated))?;
    let (state, failure) = match &config.state {
        None => (State::fleeting(policy, &limits), None),
        Some(file) => State::kept(file, policy, &limits).map(|(state, failure)| (state, Some(failure)))?,
    };
    let switchboard = Arc::new(Switchboard::new(state, limits.clone(), public_url, servers));
    let keeping = failure.map(|failure| tokio::spawn(give_up_after(failure, Arc::downgrade(&switchboard))));
    seated.ask(&switchboard);
    if let Some(bundled) = &bundled {
        switchboard.ushers_by(bundled.relay.usher());
    }
    let allowed = config.public_url.iter().chain(&config.allow_origin).cloned().collect();
    let parlour = Parlour::open().map_err(ServeError::Threads)?;
    let house = Arc::new(House {
        switchboard: Arc::clone(&switchboard),
        origins: Origins::new(allowed, addresses.clone()),
        policy: page::policy(),
        quarters: parlour.beside_this(),
    });

    let (running, watching) = watch::channel(());
    let doors = Doors::new(&limits);
    for listener in listeners {
        tokio::spawn(accept(listener, Arc::clone(&house), Arc::clone(&doors), limits.clone(), watching.clone()));
    }
    if let Some(certificate) = bundled.as_ref().and_then(|bundled| bundled.certificate.clone()) {
        let mut watching = watching.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = certificate.keep_fresh() => {}
                _ = watching.changed() => {}
            }
        });
    }
    tokio::spawn(keep_time(Arc::clone(&switchboard), watching));
    let relay_url = bundled.as_ref().map(|bundled| bundled.url.clone());
    let relay = bundled.map(|bundled| bundled.relay);
    Ok(Server { addresses, url, relay_url, relay, switchboard, _parlour: parlour, keeping, running })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// The bundled relay, if it is to run, and everything that members are told of for getting through.
fn relays(config: &Config, seated: Arc<Seated>) -> Result<(Option<Bundled>, Servers), ServeError> {
    let mut servers = Servers::default();
    let outside_secret = config.ice_secret_file.as_deref().map(secret::read).transpose()?;
    let bundled = Bundled::start(&config.relay, config.public_url.as_ref(), config.relay_limits(), seated)?;
    if let Some(bundled) = &bundled {
        servers.add(bundled.urls.clone(), Some(bundled.secret.clone()));
    }
    servers.add_outside(&config.ice_server, outside_secret).map_err(ServeError::IceSecretMissing)?;
    Ok((bundled, servers))
}

impl Server {
    /// Waits until rooms can't be kept any more. Everybody is sent away then, and there is nothing left but to stop.
    pub async fn failure(&mut self) -> StateError {
        match &mut self.keeping {
            Some(keeping) => keeping.await.unwrap_or(StateError::Stopped),
            None => std::future::pending().await,
        }
    }

    /// Tells everybody, and waits a little for them to go.
    pub async fn shutdown(self) {
        self.switchboard.close();
        self.running.send_replace(());
        let relay = self.relay.map(|relay| tokio::task::spawn_blocking(|| relay.shutdown(STOP_PATIENCE)));
        let _ = timeout(STOP_PATIENCE, self.running.closed()).await;
        let _ = tokio::task::spawn_blocking(move || self.switchboard.close_books()).await;
        if let Some(relay) = relay {
            let _ = relay.await;
        }
    }
}

/// What to open on this machine for a listening address.
fn local_url(address: &SocketAddr) -> String {
    let ip = address.ip().to_canonical();
    if ip.is_loopback() || ip.is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

async fn give_up_after(failure: oneshot::Receiver<StateError>, switchboard: Weak<Switchboard>) -> StateError {
    let error = failure.await.unwrap_or(StateError::Stopped);
    if let Some(switchboard) = switchboard.upgrade() {
        switchboard.give_up();
    }
    error
}

async fn keep_time(switchboard: Arc<Switchboard>, mut watching: watch::Receiver<()>) {
    tokio::select! {
        () = switchboard.keep_time() => {}
        _ = watching.changed() => {}
    }
}

async fn accept(
    listener: TcpListener,
    house: Arc<House>,
    doors: Arc<Doors>,
    limits: Limits,
    mut watching: watch::Receiver<()>,
) {
    let staying = watching.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = watching.changed() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                // Beyond the bounds a connection is dropped: an answer would cost what there is too little of.
                let Some(slot) = doors.enter(from.ip().into()) else { continue };
                breathe();
                let caller = Caller(Arc::new(Visit { slot, _staying: staying.clone() }));
                tokio::spawn(connection(stream, caller, Arc::clone(&house), limits.clone(), staying.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves HTTP on one connection, until it ends or becomes a WebSocket with a task of its own.
///
/// hyper's own HTTP/1 rather than hyper-util's choice of versions: that waits for the first bytes without a time limit.
async fn connection(
    stream: TcpStream,
    caller: Caller,
    house: Arc<House>,
    limits: Limits,
    mut watching: watch::Receiver<()>,
) {
    // Without it two-way traffic waits for delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let routes = TowerToHyperService::new(warp::service(routes(house)));
    let service = service_fn(move |mut request: Request<Incoming>| {
        breathe();
        request.extensions_mut().insert(caller.clone());
        routes.call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.header_seconds.into()))
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = watching.changed() => {}
        () = sleep(Duration::from_secs(limits.http_seconds.into())) => {}
    }
    // What is being answered is still sent.
    serving.as_mut().graceful_shutdown();
    let _ = timeout(STOP_PATIENCE, serving).await;
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
