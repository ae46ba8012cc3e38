//! A server that serves: when it is ready, why it may have to stop, and its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use klatch_relay::Relay;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::attend::STOP_PATIENCE;
use crate::socket::quarters::Parlour;
use crate::state::StateError;
use crate::switchboard::Switchboard;

/// How long the first certificate is waited for before it is said that it serves.
const FIRST_CERTIFICATE: Duration = Duration::from_secs(30);

/// How long after a stop began the disk may still write. Those who stop a container kill it after ten seconds.
const BOOKS_PATIENCE: Duration = Duration::from_secs(9);

/// How often somebody looks whether the relay still runs.
const LOOK: Duration = Duration::from_secs(1);

/// A broker that serves.
pub struct Server {
    /// What was bound, in the order asked for.
    pub addresses: Vec<SocketAddr>,
    /// Where plain HTTP is answered with the way to HTTPS.
    pub redirecting: Vec<SocketAddr>,
    /// Opens on this machine.
    pub url: String,
    /// Where the bundled relay is found, if it runs.
    pub relay_url: Option<String>,
    /// What else whoever starts it has to know, a line each.
    pub announcements: Vec<String>,
    /// Where metrics are read.
    pub measured_at: Vec<SocketAddr>,
    /// Whether it was tried to obtain a certificate, if one is to be obtained.
    pub(super) tried: Option<watch::Receiver<bool>>,
    pub(super) relay: Option<Relay>,
    pub(super) switchboard: Arc<Switchboard>,
    pub(super) _parlour: Parlour,
    /// Ends when rooms can't be kept any more.
    pub(super) keeping: Option<JoinHandle<StateError>>,
    /// Sending stops the listeners; it closes once the last connection has ended.
    pub(super) running: watch::Sender<()>,
}

/// Why a server that serves has to stop.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Rooms can't be kept any more.
    #[error(transparent)]
    State(#[from] StateError),
    /// The relay ended by itself. Calls over it would wait for nothing, while another start has a relay again.
    #[error("the relay has failed; what the log says of it belongs in a bug report")]
    Relay,
}

impl Server {
    /// Waits until there is a certificate, if one has yet to be obtained; but not longer than the first try takes, and not long.
    pub async fn ready(&mut self) {
        if let Some(tried) = &mut self.tried {
            let _ = timeout(FIRST_CERTIFICATE, tried.wait_for(|tried| *tried)).await;
        }
    }

    /// Waits until rooms can't be kept any more, everybody having been sent away then, or the relay has failed. There is nothing left
    /// but to stop.
    pub async fn failure(&mut self) -> Failure {
        let keeping = async {
            match &mut self.keeping {
                Some(keeping) => Failure::State(keeping.await.unwrap_or(StateError::Stopped)),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            failure = keeping => failure,
            failure = failure_of(self.relay.as_ref()) => failure,
        }
    }

    /// Tells everybody, and waits a little for them to go, and for what was decided to be written down.
    pub async fn shutdown(self) {
        let given_up = Instant::now() + BOOKS_PATIENCE;
        self.switchboard.close();
        self.running.send_replace(());
        let relay = self.relay.map(|relay| tokio::task::spawn_blocking(|| relay.shutdown(STOP_PATIENCE)));
        let _ = timeout(STOP_PATIENCE, self.running.closed()).await;
        if !self.switchboard.close_books(given_up).await {
            tracing::error!(
                "the state file's disk does not answer: the last changes, which nobody was told of, are not kept"
            );
        }
        if let Some(relay) = relay {
            let _ = relay.await;
        }
    }
}

/// Waits until the relay has failed. It is a thread that tells nobody of its end.
async fn failure_of(relay: Option<&Relay>) -> Failure {
    let Some(relay) = relay else { return std::future::pending().await };
    while !relay.has_failed() {
        sleep(LOOK).await;
    }
    Failure::Relay
}
