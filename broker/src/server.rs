//! All of it together: what is opened at the start, and what runs beside the connections. What becomes of it is `running`'s.

mod running;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use klatch_relay::StartError;
use tokio::sync::{oneshot, watch};

use crate::config::Config;
use crate::connection::{Front, Manner, accept};
use crate::doors::Doors;
use crate::files::Files;
use crate::host_codes::{BadHostCodeFile, CodeFile};
use crate::ice::{IceUrl, Servers};
use crate::listening::{BadAddress, listen};
use crate::metrics::Metrics;
use crate::origin::{Origin, Origins};
use crate::proxies::Proxies;
use crate::redirect::Redirect;
use crate::relay::{Bundled, RelayError, Seated};
use crate::rooms::{Policy, Revival};
use crate::routes::House;
use crate::secret::BadSecretFile;
use crate::socket::quarters::Parlour;
use crate::state::{State, StateError};
use crate::switchboard::{Switchboard, Welcome};
use crate::tls::{Served, Source, Tls, TlsError};
use crate::{metrics, page, proxies, secret, site};

pub use running::{Failure, Server};

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// An address can't be had.
    #[error(transparent)]
    Listen(#[from] BadAddress),
    /// HTTPS can't be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The host's codes can't be had.
    #[error(transparent)]
    HostCodes(#[from] BadHostCodeFile),
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
    let started = SystemTime::now();
    let (listeners, addresses) = listen(config, &config.listen).await?;
    let (redirectors, redirecting) = listen(config, config.tls.http_redirect.as_slice()).await?;
    let (measuring, measured_at) = listen(config, config.metrics_listen.as_slice()).await?;
    let code_file = config.host_code_file.as_deref().map(CodeFile::read).transpose()?;
    let source = Source::open(&config.tls, config.state.as_deref())?;
    let served = source.as_ref().map(Source::served);
    let url = addresses.first().map(|address| site::local_url(served.is_some(), address)).unwrap_or_default();
    let public_url = site::public_url(config);
    let mut announcements = source.as_ref().map(|source| announce(source, config, &addresses)).unwrap_or_default();
    announcements.extend(measured_at.iter().map(|address| format!("klatch metrics on http://{address}/metrics")));

    let files = Files::granted();
    let limits = files.for_broker(config.limits(), config.relay.turn.then(|| config.relay_limits()));
    let policy = Policy {
        max_members: config.max_members as usize,
        max_rooms: config.max_rooms as usize,
        room_ttl: config.room_ttl.as_millis(),
        revival: Revival::default(),
    };
    let seated = Arc::<Seated>::default();
    // On loopback there is somebody in front, who may speak nothing but HTTP to it.
    let is_shared = source.as_ref().is_some_and(Source::is_trusted)
        && (public_url.is_none() || !addresses.iter().all(|address| address.ip().is_loopback()));
    let shared = if is_shared { &addresses[..] } else { &[] };
    let (bundled, servers) = relays(config, public_url.as_ref(), served.clone(), shared, Arc::clone(&seated))?;
    let (state, failure) = match &config.state {
        None => (State::fleeting(policy, &limits), None),
        Some(file) => State::kept(file, policy, &limits).map(|(state, failure)| (state, Some(failure)))?,
    };
    let welcome = Welcome {
        public_url: site::told_url(config, &addresses).map(|url| url.to_string()),
        imprint: config.imprint.as_ref().map(ToString::to_string),
        privacy: config.privacy.as_ref().map(ToString::to_string),
        host_codes: code_file.as_ref().map(CodeFile::codes).unwrap_or_default(),
    };
    for doubt in config.doubts.iter().chain(&files.doubts(config)) {
        tracing::warn!("{doubt}");
    }
    if let Some(remark) = site::open_to_strangers(config, &addresses) {
        tracing::info!("{remark}");
    }
    if let Some(doubt) = proxies::doubt_about(&config.trusted_proxy) {
        tracing::warn!("{doubt}");
    }
    let switchboard = Arc::new(Switchboard::new(state, limits.clone(), welcome, servers));
    let keeping = failure.map(|failure| tokio::spawn(give_up_after(failure, Arc::downgrade(&switchboard))));
    seated.ask(&switchboard);
    if let Some(doubt) = bundled.as_ref().and_then(|bundled| bundled.doubt) {
        tracing::warn!("{doubt}");
    }
    if let Some(bundled) = &bundled {
        switchboard.ushers_by(bundled.relay.usher());
    }
    let own = source.iter().flat_map(|source| source.origins(&addresses));
    let allowed = public_url.iter().chain(&config.allow_origin).cloned().chain(own).collect();
    let parlour = Parlour::open().map_err(ServeError::Threads)?;
    let house = Arc::new(House {
        switchboard: Arc::clone(&switchboard),
        origins: Origins::new(allowed, addresses.clone(), served.is_some()),
        policy: page::policy(),
        quarters: parlour.beside_this(),
        proxies: Proxies::new(config.trusted_proxy.clone()),
        redirect: served.clone().map(|served| Redirect {
            public: public_url,
            port: addresses.first().map_or(0, SocketAddr::port),
            served,
        }),
    });

    let (running, watching) = watch::channel(());
    let challenges = source.as_ref().and_then(Source::challenges);
    let tried = source.as_ref().and_then(Source::tried);
    let entrance = bundled.as_ref().map(|bundled| bundled.relay.entrance());
    let manner = match served {
        Some(served) => {
            let tls = Tls::new(served, challenges, entrance, &limits, Arc::clone(&switchboard.tally));
            Manner::Sealed(Arc::new(tls.map_err(TlsError::from)?))
        }
        None => Manner::Plain,
    };
    let doors = Doors::new(&limits, Arc::clone(&switchboard.tally));
    let front = Arc::new(Front { house, doors, limits });
    let metrics = Arc::new(Metrics {
        switchboard: Arc::clone(&switchboard),
        doors: Arc::clone(&front.doors),
        relay: bundled.as_ref().map(|bundled| bundled.relay.meter()),
        served: source.as_ref().map(Source::served),
        started,
    });
    for listener in measuring {
        if let Some(doubt) = metrics::doubt_about(measured_at[0].ip()) {
            tracing::warn!("{doubt}");
        }
        tokio::spawn(until_the_end(metrics::serve(listener, Arc::clone(&metrics)), watching.clone()));
    }
    for (listeners, manner) in [(listeners, manner), (redirectors, Manner::Redirecting)] {
        for listener in listeners {
            tokio::spawn(accept(listener, manner.clone(), Arc::clone(&front), watching.clone()));
        }
    }
    if let Some(source) = source {
        tokio::spawn(until_the_end(source.keep_fresh(), watching.clone()));
    }
    if let Some(codes) = code_file {
        tokio::spawn(until_the_end(codes.keep_fresh(), watching.clone()));
    }
    let time = Arc::clone(&switchboard);
    tokio::spawn(until_the_end(async move { time.keep_time().await }, watching));
    let relay_url = bundled.as_ref().map(|bundled| bundled.url.clone());
    let relay = bundled.map(|bundled| bundled.relay);
    Ok(Server {
        addresses,
        redirecting,
        url,
        relay_url,
        announcements,
        measured_at,
        tried,
        relay,
        switchboard,
        _parlour: parlour,
        keeping,
        running,
    })
}

/// The bundled relay, if it is to run, and everything that members are told of for getting through.
pub(crate) fn relays(
    config: &Config,
    public_url: Option<&Origin>,
    served: Option<Arc<Served>>,
    shared: &[SocketAddr],
    seated: Arc<Seated>,
) -> Result<(Option<Bundled>, Servers), ServeError> {
    let mut servers = Servers::default();
    let outside_secret = config.ice_secret_file.as_deref().map(secret::read).transpose()?;
    let bundled = Bundled::start(&config.relay, public_url, served, shared, config.relay_limits(), seated);
    let bundled = bundled.map_err(|error| match error {
        RelayError::Start(StartError::Listen(address, error)) => BadAddress::new(config, address, error).into(),
        error => ServeError::from(error),
    })?;
    if let Some(bundled) = &bundled {
        servers.add(bundled.urls.clone(), Some(bundled.secret.clone()));
    }
    servers.add_outside(&config.ice_server, outside_secret).map_err(ServeError::IceSecretMissing)?;
    Ok((bundled, servers))
}

/// What whoever starts it has to know of the certificate, beside the URL.
fn announce(source: &Source, config: &Config, addresses: &[SocketAddr]) -> Vec<String> {
    for doubt in [source.doubt(), site::misnamed(config), site::uncertified(config, source)].into_iter().flatten() {
        tracing::warn!("{doubt}");
    }
    match source {
        Source::Files(_) => {
            if config.public_url.is_none() && !site::is_local(addresses) {
                tracing::warn!(
                    "pages that are opened by a name other than localhost can't open rooms: name the site by --public-url"
                );
            }
            Vec::new()
        }
        Source::Acme(_) => Vec::new(),
        Source::SelfSigned(made) => {
            let on_network = site::network_url(true, addresses);
            if on_network.is_none() {
                tracing::warn!("no other device can open this: listen on the network too, as by --listen '[::]:8443'");
            }
            let place = on_network.map(|url| format!("klatch reachable on this network at {url}"));
            let print = format!("klatch certified by SHA-256 fingerprint {}", made.fingerprint());
            place.into_iter().chain([print]).collect()
        }
    }
}

/// Does something beside the connections until the server stops.
async fn until_the_end(work: impl Future<Output = ()>, mut watching: watch::Receiver<()>) {
    tokio::select! {
        () = work => {}
        _ = watching.changed() => {}
    }
}

async fn give_up_after(failure: oneshot::Receiver<StateError>, switchboard: Weak<Switchboard>) -> StateError {
    let error = failure.await.unwrap_or(StateError::Stopped);
    if let Some(switchboard) = switchboard.upgrade() {
        switchboard.give_up();
    }
    error
}
