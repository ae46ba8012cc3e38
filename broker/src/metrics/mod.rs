//! What a host's monitoring asks for, as Prometheus reads it: at an address of its own, which is not for members.
//!
//! Counting is an addition to an atomic ([`Tally`]); what is only looked up is looked up when somebody asks. No room, member or address
//! is in there.

mod asker;
mod process;
mod tally;
mod text;
mod turned_away;

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use klatch_relay::Meter;
use klatch_shared::wire::RefusalCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

pub(crate) use tally::{Kind, Tally};
pub(crate) use turned_away::TurnedAway;

use crate::doors::Doors;
use crate::outlet::{Bare, Outlet};
use crate::page;
use crate::switchboard::Switchboard;
use crate::tls::Served;
use crate::unfinished::Unfinished;
use text::{Family, Text};

/// Who asks at once: one or two programs.
const VISITORS: usize = 16;
/// How long one of them may take for everything.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when nobody can be let in.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Everything that is told.
pub(crate) struct Metrics {
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) doors: Arc<Doors>,
    pub(crate) relay: Option<Meter>,
    /// What TLS is served with, where it is.
    pub(crate) served: Option<Arc<Served>>,
    pub(crate) started: SystemTime,
}

/// Answers for as long as it is polled.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let places = Arc::new(Semaphore::new(VISITORS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            let _ = timeout(PATIENCE, attend(stream, metrics)).await;
            drop(place);
        });
    }
}

async fn attend(stream: TcpStream, metrics: Arc<Metrics>) {
    let unfinished = Unfinished::default();
    let outlet = Outlet::new(stream, unfinished.clone(), Bare::Completed { is_secure: false });
    let service = service_fn(async |request: Request<Incoming>| {
        let answering = unfinished.begin();
        Ok::<_, Infallible>(answer(&request, &metrics).map(|text| answering.with(text)))
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(outlet), service);
    let _ = pin!(serving).await;
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<String> {
    let is_found = request.uri().path() == "/metrics" && matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, text) = match asker::refusal(request.headers()) {
        Some(reason) => (StatusCode::FORBIDDEN, reason.to_owned()),
        None if is_found => (StatusCode::OK, metrics.text()),
        None => (StatusCode::NOT_FOUND, "Metrics are at /metrics.\n".to_owned()),
    };
    let length = text.len();
    let mut answer = Response::new(text);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.extend(page::headers_of_files());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

impl Metrics {
    /// All of it, as it is now.
    fn text(&self) -> String {
        let mut text = Text::default();
        let client = page::client_hash().map(|hash| hash.to_string()).unwrap_or_default();
        let version = [("version", env!("CARGO_PKG_VERSION")), ("client", &client)];
        text.gauge("klatch_build_info", "What runs: its version, and which page it serves.").labelled(&version, 1);
        self.attendance(&mut text);
        self.switchboard.tally.write(&mut text);
        if let Some(relay) = &self.relay {
            relayed(relay, &mut text);
        }
        if let Some(end) = self.served.as_ref().and_then(|served| served.expires()) {
            let meaning = "When the certificate that is served ends, in seconds since 1970.";
            text.gauge("klatch_certificate_expires_timestamp_seconds", meaning).value(end);
        }
        process::write(&mut text, self.started);
        text.into_string()
    }

    fn attendance(&self, text: &mut Text) {
        let attendance = self.switchboard.attendance();
        text.gauge("klatch_connections", "Connections of any kind to the broker.").value(self.doors.inside());
        text.gauge("klatch_websockets", "Connections that are WebSockets.").value(attendance.websockets);
        text.gauge("klatch_rooms", "Rooms that live.").value(attendance.rooms);
        text.gauge("klatch_members_present", "Members who are present in a room.").value(attendance.present);
    }
}

fn relayed(relay: &Meter, text: &mut Text) {
    let figures = relay.figures();
    for (name, meaning, value) in figures.named() {
        let is_gauge = matches!(name, "allocations" | "connections");
        let suffix = if is_gauge { "" } else { "_total" };
        let name = format!("klatch_relay_{name}{suffix}");
        let family: Family<'_> = if is_gauge { text.gauge(&name, meaning) } else { text.counter(&name, meaning) };
        family.value(value);
    }
    let mut refused =
        text.counter("klatch_relay_refusals_total", "Requests that the relay refused, by STUN error code.");
    for (code, count) in &figures.refusals {
        refused = refused.labelled(&[("code", &code.to_string())], *count);
    }
}

/// What is doubtful about listening there.
pub(crate) fn doubt_about(ip: IpAddr) -> Option<&'static str> {
    let doubt = "strangers may read the metrics: --metrics-listen is not an address of this machine's alone";
    (!is_sheltered(ip)).then_some(doubt)
}

/// Whether whoever listens there is heard by nobody but this machine and its network.
fn is_sheltered(ip: IpAddr) -> bool {
    !ip.is_unspecified() && !klatch_relay::is_public(ip.to_canonical())
}

/// The refusals that there can be.
const REFUSALS: usize = RefusalCode::ALL.len() + 1;
