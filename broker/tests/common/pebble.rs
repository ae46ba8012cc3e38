//! A directory that speaks ACME: Debian's `pebble`, with a name server of its own that sends every name to this machine.
//!
//! Where it is not installed, tests say so and are left out.

use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::tls::Certificate;
use super::{PATIENCE, TempFile, left_out};

/// One that runs.
pub struct Pebble {
    /// Vouches for it.
    pub certificate: Certificate,
    /// Where it looks whether a name is somebody's.
    pub looks_at: SocketAddr,
    pub directory: String,
    management: SocketAddr,
    _config: TempFile,
    children: [Child; 2],
}

impl Pebble {
    /// Starts one whose certificates are valid for so many seconds.
    pub async fn start(seconds: u64) -> Option<Self> {
        Self::start_for(seconds, false).await
    }

    /// Starts one that has certificates only for who has an account elsewhere.
    pub async fn start_for_customers() -> Option<Self> {
        Self::start_for(86_400, true).await
    }

    async fn start_for(seconds: u64, customers_alone: bool) -> Option<Self> {
        let is_there = |name: &str| {
            std::env::split_paths(&std::env::var_os("PATH")?).any(|folder| folder.join(name).is_file()).then_some(())
        };
        if is_there("pebble").is_none() || is_there("pebble-challtestsrv").is_none() {
            left_out("pebble is not installed (Debian: pebble)");
            return None;
        }
        let [listen, management, names, orders, looks_at] = free_addresses();
        let certificate = Certificate::new();
        let config = serde_json::json!({ "pebble": {
            "listenAddress": listen.to_string(),
            "managementListenAddress": management.to_string(),
            "certificate": certificate.chain.path(),
            "privateKey": certificate.key.path(),
            "httpPort": 1,
            "tlsPort": looks_at.port(),
            "certificateValidityPeriod": seconds,
            "externalAccountBindingRequired": customers_alone,
        }});
        let config = TempFile::with(&config.to_string());
        let mut resolver = Command::new("pebble-challtestsrv");
        resolver.args(["-dns01", &names.to_string(), "-management", &orders.to_string()]);
        resolver.args([
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
        ]);
        let mut pebble = Command::new("pebble");
        pebble.args(["-config", config.path(), "-dnsserver", &names.to_string()]);
        pebble.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "0");
        let children =
            [run(resolver, "Starting management server").await, run(pebble, "ACME directory available at").await];
        // It says so before it listens.
        timeout(PATIENCE, join(opens(listen), opens(management))).await.expect("it listens in time");
        let directory = format!("https://localhost:{}/dir", listen.port());
        Some(Self { certificate, looks_at, directory, management, _config: config, children })
    }

    /// It is there no more.
    pub async fn stop(&mut self) {
        for child in &mut self.children {
            child.kill().await.expect("it ran");
        }
    }

    /// The root that its certificates come from. It has another after each start.
    pub async fn root(&self) -> CertificateDer<'static> {
        let answer = self.certificate.trusting(&[]).get(self.management, "/roots/0", &[]).await;
        CertificateDer::from_pem_slice(&answer.body).expect("a certificate")
    }
}

/// Runs it until it says so, and then on.
async fn run(mut command: Command, ready: &str) -> Child {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("runs");
    let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (mut out, mut err) = (BufReader::new(out).lines(), BufReader::new(err).lines());
    let is_ready = async {
        loop {
            let line = tokio::select! { line = out.next_line() => line, line = err.next_line() => line };
            match line.expect("text") {
                Some(line) if line.contains(ready) => return,
                Some(_) => {}
                None => panic!("it ended before it said {ready}"),
            }
        }
    };
    timeout(PATIENCE, is_ready).await.expect("it is ready in time");
    // Whatever else it says must not stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = out.next_line().await {} });
    tokio::spawn(async move { while let Ok(Some(_)) = err.next_line().await {} });
    child
}

/// Waits until somebody listens there.
async fn opens(address: SocketAddr) {
    while TcpStream::connect(address).await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// Addresses of this machine that nobody has at the moment.
pub fn free_addresses<const COUNT: usize>() -> [SocketAddr; COUNT] {
    let taken: [_; COUNT] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    taken.each_ref().map(|listener| listener.local_addr().expect("bound"))
}
