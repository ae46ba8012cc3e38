//! What the program can be told of HTTPS.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

/// Where the certificate comes from, and what goes with it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "HTTPS")]
pub struct TlsFlags {
    /// Serve HTTPS and WSS with this certificate, with its chain, in PEM; read again when it changes [default: none]
    #[arg(long, env = "KLATCH_TLS_CERT", value_name = "FILE", requires = "tls_key", group = "certificate")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of that certificate, in PEM [default: none]
    #[arg(long, env = "KLATCH_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Serve HTTPS with a certificate made at start, for trying it on a LAN: browsers warn of it once. With --state it is kept beside
    /// that file, and stays the same
    #[arg(long, env = "KLATCH_SELF_SIGNED", value_parser = BoolishValueParser::new(), group = "certificate")]
    pub self_signed: bool,

    /// Answer plain HTTP here with a redirect to HTTPS [default: none]
    #[arg(long, env = "KLATCH_HTTP_REDIRECT", value_name = "ADDR", requires = "certificate")]
    pub http_redirect: Option<SocketAddr>,
}
