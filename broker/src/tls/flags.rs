//! What the program can be told of HTTPS.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::domain::{DirectoryUrl, Domain};
use crate::config::{email, socket};

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
    /// that file, and stays the same until a month before its end, a year later, or until a start finds this machine under another name, or
    /// at an address that is new to it: temporary ones of IPv6 and those of containers don't count, and up to 16 that it had before stay in it
    #[arg(long, env = "KLATCH_SELF_SIGNED", value_parser = BoolishValueParser::new(), group = "certificate")]
    pub self_signed: bool,

    /// Obtain and renew a certificate for this name by itself, from Let's Encrypt unless --acme-directory says otherwise, whose terms
    /// you accept by that: the name has to lead here, at port 443, which --listen then defaults to. Repeatable [default: none]
    #[arg(long, env = "KLATCH_ACME", value_name = "DOMAIN", value_delimiter = ',', group = "certificate")]
    pub acme: Vec<Domain>,

    /// Where the directory may write to [default: none]
    #[arg(long, env = "KLATCH_ACME_EMAIL", value_name = "EMAIL", requires = "acme", value_parser = email)]
    pub acme_email: Option<String>,

    /// Which directory to ask [default: Let's Encrypt]
    #[arg(long, env = "KLATCH_ACME_DIRECTORY", value_name = "URL", requires = "acme")]
    pub acme_directory: Option<DirectoryUrl>,

    /// The root certificate that vouches for the directory, in PEM [default: those that browsers trust]
    #[arg(long, env = "KLATCH_ACME_CA", value_name = "FILE", requires = "acme")]
    pub acme_ca: Option<PathBuf>,

    /// Where the account and certificates are kept, with their keys [default: acme in $STATE_DIRECTORY, or klatch/acme in
    /// $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, env = "KLATCH_ACME_CACHE", value_name = "DIR", requires = "acme")]
    pub acme_cache: Option<PathBuf>,

    /// Answer plain HTTP here with a redirect to HTTPS [default: none]
    #[arg(long, env = "KLATCH_HTTP_REDIRECT", value_name = "ADDR", requires = "certificate", value_parser = socket)]
    pub http_redirect: Option<SocketAddr>,
}

impl TlsFlags {
    /// Whether pages come over TLS.
    pub(crate) fn are_said(&self) -> bool {
        self.tls_cert.is_some() || self.self_signed || !self.acme.is_empty()
    }
}
