//! What is served where. Each path has one meaning ([`Route`]); what has none is not found.

use std::convert::Infallible;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_VERSION, STRICT_TRANSPORT_SECURITY, UPGRADE};
use hyper::upgrade::{OnUpgrade, Parts};
use hyper_util::rt::TokioIo;
use klatch_shared::RoomId;
use warp::Filter;
use warp::http::{Method, Response, StatusCode};
use warp::path::FullPath;
use warp::reply::Reply;

use crate::doors::Slot;
use crate::metrics::TurnedAway;
use crate::origin::Origins;
use crate::outlet::Outlet;
use crate::page::{self, Answer};
use crate::proxies::{Proxies, Source};
use crate::redirect::{Asked, Redirect};
use crate::socket;
use crate::socket::quarters::{Quarters, unhurried};
use crate::socket::upgrade::{Handshake, NoHandshake};
use crate::stream::Stream;
use crate::switchboard::Switchboard;

/// What all requests share.
pub(crate) struct House {
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) origins: Origins,
    pub(crate) policy: page::Policy,
    pub(crate) quarters: Quarters,
    pub(crate) proxies: Proxies,
    /// Where HTTPS is served: where plain HTTP leads.
    pub(crate) redirect: Option<Redirect>,
}

/// Who calls: put on each request by the accept loop, and kept for as long as the connection lives.
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Arc<Visit>);

/// One connection's stay.
pub(crate) struct Visit {
    pub(crate) slot: Slot,
    pub(crate) peer: IpAddr,
    /// Whether it is a trusted proxy's.
    pub(crate) is_for_others: bool,
    /// Whether it came over TLS.
    pub(crate) is_secure: bool,
    /// Dropped last of all: the server waits for it when it stops.
    pub(crate) _staying: tokio::sync::watch::Receiver<()>,
}

/// All of it.
pub(crate) fn routes(house: Arc<House>) -> impl Filter<Extract = (warp::reply::Response,), Error = Infallible> + Clone {
    warp::any()
        .map(move || Arc::clone(&house))
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Caller>())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::optional::<Asked>())
        .map(respond)
}

fn respond(
    house: Arc<House>,
    method: Method,
    path: FullPath,
    headers: HeaderMap,
    caller: Option<Caller>,
    upgrade: Option<OnUpgrade>,
    asked: Option<Asked>,
) -> warp::reply::Response {
    let source = caller.as_ref().map(|Caller(visit)| house.proxies.source(visit.peer, &headers));
    let came_by_tls = source.and_then(|source| source.came_by_tls);
    let is_secure = came_by_tls.unwrap_or_else(|| caller.as_ref().is_some_and(|Caller(visit)| visit.is_secure));
    let (answer, is_file) = match asked.zip(house.redirect.as_ref()) {
        Some((asked, redirect)) => (Some(redirect.answer(&asked, &house.origins, &method, &headers)), false),
        None => match Route::of(&method, path.as_str()) {
            Route::Page => {
                note(&house, caller.as_ref().map(|Caller(visit)| &**visit), &headers);
                (page::index(&method, &headers), false)
            }
            Route::File(name) => (page::file(name, &method, &headers), true),
            Route::Health => (Some(health(house.switchboard.is_open(), &method)), false),
            Route::Robots => (Some(page::text(StatusCode::OK, "User-agent: *\nDisallow: /\n", &method)), false),
            Route::Socket(place) => {
                (Some(open_socket(&house, &method, place, &headers, caller.zip(source), upgrade)), false)
            }
            Route::Nothing => (None, false),
        },
    };
    let policy = if is_file && answer.is_some() { &house.policy.of_files } else { &house.policy.of_pages };
    let mut answer = answer
        .unwrap_or_else(|| page::text(StatusCode::NOT_FOUND, "There is nothing here.\n", &method))
        .into_response();
    policy.iter().for_each(|(name, value)| _ = answer.headers_mut().insert(name, value.clone()));
    if is_secure {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, page::BY_TLS_ALONE);
    }
    answer
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    Page,
    File(&'a str),
    Health,
    Robots,
    Socket(Place),
    Nothing,
}

/// Where a WebSocket leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Room(RoomId),
    Lobby,
}

impl<'a> Route<'a> {
    fn of(method: &Method, path: &'a str) -> Self {
        if method != Method::GET && method != Method::HEAD {
            return Self::Nothing;
        }
        let Some(path) = path.strip_prefix('/') else { return Self::Nothing };
        match path.split_once('/') {
            Some(("r", segment)) if !segment.is_empty() && !segment.contains('/') => Self::Page,
            Some(("ws", room)) => RoomId::from_str(room).map_or(Self::Nothing, |room| Self::Socket(Place::Room(room))),
            Some(_) => Self::File(path),
            None => match path {
                "" => Self::Page,
                "ws" => Self::Socket(Place::Lobby),
                "healthz" => Self::Health,
                "robots.txt" => Self::Robots,
                name => Self::File(name),
            },
        }
    }
}

/// Has it noticed if people come by a proxy that nobody has named.
fn note(house: &House, visit: Option<&Visit>, headers: &HeaderMap) {
    if let Some(visit) = visit {
        house.proxies.note(visit.peer, headers, visit.is_secure);
    }
}

/// Whoever spreads people over several brokers sends nobody more to one that stops.
fn health(is_open: bool, method: &Method) -> Answer {
    match is_open {
        true => page::text(StatusCode::OK, "ok", method),
        false => page::text(StatusCode::SERVICE_UNAVAILABLE, "stopping", method),
    }
}

fn open_socket(
    house: &House,
    method: &Method,
    place: Place,
    headers: &HeaderMap,
    caller: Option<(Caller, Source)>,
    upgrade: Option<OnUpgrade>,
) -> Answer {
    if !house.origins.admit(headers) {
        let from = caller.map(|(_, source)| source.ip.into());
        house.switchboard.tally.turned_away(TurnedAway::Origin, from);
        return page::text(StatusCode::FORBIDDEN, "Pages from elsewhere may not connect here.\n", method);
    }
    let handshake = match Handshake::parse(headers) {
        Ok(handshake) if method == Method::GET => handshake,
        Err(NoHandshake::Malformed) => {
            return page::text(StatusCode::BAD_REQUEST, "This is no WebSocket of the protocol klatch.v1.\n", method);
        }
        Ok(_) | Err(NoHandshake::UpgradeRequired) => return upgrade_required(method),
    };
    let (Some((Caller(visit), source)), Some(upgrade)) = (caller, upgrade) else { return upgrade_required(method) };
    note(house, Some(&visit), headers);
    let address = source.ip.into();
    let share = visit.is_for_others.then(|| visit.slot.share(address));
    if matches!(share, Some(None)) {
        return page::text(StatusCode::TOO_MANY_REQUESTS, "Too many connections come from your address.\n", method);
    }

    let place = match place {
        Place::Room(room) => Some(room),
        Place::Lobby => None,
    };
    let (switchboard, quarters) = (Arc::clone(&house.switchboard), house.quarters.clone());
    tokio::spawn(unhurried(async move {
        let Ok(upgraded) = upgrade.await else { return };
        // The bare stream: every layer would cost memory for as long as the socket lives.
        let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<Outlet<Stream>>>() else { return };
        // A copy of the few bytes that there may be: the buffer itself is as large as a request.
        let already_read = read_buf.to_vec();
        drop(read_buf);
        let stream = io.into_inner().into_inner();
        stream.wait();
        let line = switchboard.connect(place, address);
        drop(switchboard);
        socket::serve(stream, already_read, line, quarters, (visit, share)).await;
    }));

    let mut answer = Response::new(&[][..]);
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    answer.headers_mut().extend(handshake.headers());
    answer
}

fn upgrade_required(method: &Method) -> Answer {
    let mut answer = page::text(StatusCode::UPGRADE_REQUIRED, "Only WebSockets connect here.\n", method);
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route<'_> {
        Route::of(&Method::GET, path)
    }

    #[test]
    fn each_path_has_one_meaning() {
        let room = "6ba7b810-9dad-81d1-80b4-00c04fd430c8";
        assert_eq!(route("/"), Route::Page);
        assert_eq!(route("/r/whatever"), Route::Page);
        assert_eq!(route("/ws"), Route::Socket(Place::Lobby));
        assert_eq!(route(&format!("/ws/{room}")), Route::Socket(Place::Room(room.parse().expect("a room"))));
        assert_eq!(route("/healthz"), Route::Health);
        assert_eq!(route("/robots.txt"), Route::Robots);
        assert_eq!(route("/app-0123456789abcdef.js"), Route::File("app-0123456789abcdef.js"));
    }

    #[test]
    fn a_room_has_one_segment_and_a_socket_a_room() {
        for path in ["/ws/", "/ws/room", "/ws/6ba7b810-9dad-81d1-80b4-00c04fd430c8/", "*", ""] {
            assert_eq!(route(path), Route::Nothing, "{path}");
        }
        for path in ["/r/", "/r/a/", "/r/a/b", "//", "/r//a", "/ws"] {
            assert_ne!(route(path), Route::Page, "{path}");
        }
    }

    #[test]
    fn whoever_stops_is_not_healthy() {
        let status = |is_open| health(is_open, &Method::GET).status().as_u16();
        assert_eq!((status(true), status(false)), (200, 503));
    }

    #[test]
    fn nothing_is_changed_over_http() {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT] {
            assert_eq!(Route::of(&method, "/"), Route::Nothing, "{method}");
        }
    }
}
