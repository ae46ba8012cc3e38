//! Sockets in, requests out: the accept loops, and one connection from its first byte to its last, or until it is a WebSocket.
//!
//! What is spoken is settled before HTTP begins, by TLS or by there being none: whoever says nothing is not waited for without end.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::attend::attend;
use crate::doors::{Doors, Slot};
use crate::limits::Limits;
use crate::outlet::{Bare, Outlet};
use crate::redirect::Asked;
use crate::routes::{Caller, House, Visit, routes};
use crate::socket::quarters::{breathe, unhurried};
use crate::stream::Stream;
use crate::tls::{H2, Opened, Tls};
use crate::trouble::Trouble;
use crate::unfinished::Unfinished;

/// How long to wait when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// A request's header may be this large: browsers send the cookies of everything else on localhost too.
const HEADER_BYTES: u32 = 32 * 1024;
/// Requests at once over one connection. The page needs five.
const STREAMS: u32 = 32;
/// What may be on its way to us unread, as nobody reads bodies here, and what waits for one answer's receiver.
const WINDOW_BYTES: u32 = 64 * 1024;
/// What whoever asks for an authority alone, as proxies are asked for tunnels, is taken to ask for: it is nowhere found. Without a path
/// a request makes warp panic.
const NO_PATH: &str = "*";

/// What all connections share.
pub(crate) struct Front {
    pub(crate) house: Arc<House>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) limits: Limits,
}

/// What is served at an address.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Everything, by plain HTTP.
    Plain,
    /// Everything, by HTTPS.
    Sealed(Arc<Tls>),
    /// The way to HTTPS.
    Redirecting,
}

/// Accepts until the server stops.
pub(crate) async fn accept(
    listener: TcpListener,
    manner: Manner,
    front: Arc<Front>,
    mut watching: watch::Receiver<()>,
) {
    let (staying, trouble) = (watching.clone(), Trouble::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = watching.changed() => return,
        };
        match accepted {
            Ok((stream, from)) => {
                // Beyond the bounds a connection is dropped: an answer would cost what there is too little of.
                let is_for_others = front.house.proxies.trust(from.ip());
                let slot =
                    if is_for_others { front.doors.enter_for_others() } else { front.doors.enter(from.ip().into()) };
                let Some(slot) = slot else { continue };
                let from = From { slot, peer: from.ip(), is_for_others };
                breathe();
                let connection = connection(stream, from, manner.clone(), Arc::clone(&front), staying.clone());
                tokio::spawn(unhurried(connection));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                if trouble.is_to_be_told() {
                    tracing::warn!(%error, "can't accept connections");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Where a connection comes from.
struct From {
    slot: Slot,
    peer: IpAddr,
    is_for_others: bool,
}

async fn connection(
    stream: TcpStream,
    from: From,
    manner: Manner,
    front: Arc<Front>,
    mut watching: watch::Receiver<()>,
) {
    // Without it two-way traffic waits for delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let (stream, redirects) = match manner {
        Manner::Plain => (Stream::Plain(stream), false),
        Manner::Redirecting => (Stream::Plain(stream), true),
        Manner::Sealed(tls) => {
            let address = (!from.is_for_others).then(|| from.peer.into());
            let opened = tokio::select! {
                opened = tls.open(stream, address) => opened,
                _ = watching.changed() => return,
            };
            match opened {
                Some(Opened::Tls(stream)) => (Stream::Tls(stream), false),
                Some(Opened::Plain(stream)) => (Stream::Plain(stream), true),
                None => return,
            }
        }
    };
    let is_secure = matches!(stream, Stream::Tls(_));
    let From { slot, peer, is_for_others } = from;
    let caller = Caller(Arc::new(Visit { slot, peer, is_for_others, is_secure, _staying: watching.clone() }));
    converse(stream, caller, redirects, front, watching).await;
}

/// Speaks HTTP, until the connection ends or becomes a WebSocket with a task of its own.
///
/// hyper's own versions of HTTP rather than hyper-util's choice of them: that waits for the first bytes without a time limit.
async fn converse(stream: Stream, caller: Caller, redirects: bool, front: Arc<Front>, watching: watch::Receiver<()>) {
    let limits = &front.limits;
    stream.bound(Duration::from_secs(limits.stalled_seconds.into()));
    let is_h2 = stream.protocol() == Some(H2);
    let bare = if is_h2 { Bare::Kept } else { Bare::Completed { is_secure: caller.0.is_secure } };
    let unfinished = Unfinished::default();
    let stream = TokioIo::new(Outlet::new(stream, unfinished.clone(), bare));
    let routes = TowerToHyperService::new(warp::service(routes(Arc::clone(&front.house))));
    let begun = unfinished.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        // Of one turn there may be many requests.
        breathe();
        let answering = begun.begin();
        request.extensions_mut().insert(caller.clone());
        if request.uri().path_and_query().is_none() {
            *request.uri_mut() = Uri::from_static(NO_PATH);
        } else if redirects {
            let asked = Asked(request.uri().clone());
            request.extensions_mut().insert(asked);
        }
        let answer = routes.call(request);
        async move { answer.await.map(|answer| answer.map(|body| answering.with(body))) }
    });
    let idle = Duration::from_secs(limits.header_seconds.into());
    if is_h2 {
        let serving = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEADER_BYTES)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_send_buf_size(WINDOW_BYTES as usize)
            .serve_connection(stream, service);
        let quiet = (unfinished.until_quiet(idle), unfinished.until_none(idle));
        attend(pin!(serving), |serving| serving.graceful_shutdown(), &unfinished, limits, quiet, watching).await;
    } else {
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_buf_size(HEADER_BYTES as usize)
            .serve_connection(stream, service)
            .with_upgrades();
        // It has a time limit of its own.
        let quiet = (pending(), pending());
        attend(pin!(serving), |serving| serving.graceful_shutdown(), &unfinished, limits, quiet, watching).await;
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
