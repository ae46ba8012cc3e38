//! Where the certificate comes from: files that are renewed by others, this machine, or a directory that signs.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::acme::{Acme, BadAcme, Challenges};
use super::domain::Domain;
use super::files::{BadCertificate, Files};
use super::flags::TlsFlags;
use super::period::Moment;
use super::self_signed::{self, Names, SelfSigned};
use super::served::Served;
use crate::origin::Origin;
use crate::site;

/// What keeps a certificate from growing old.
pub(crate) enum Source {
    /// Files that somebody else renews.
    Files(Files),
    /// Nobody but this machine.
    SelfSigned(SelfSigned),
    /// A directory that signs what is asked for.
    Acme(Box<Acme>),
}

/// What has to be known of a certificate that was obtained for other names.
const STANDS_IN: &str = "the certificate was obtained for other names than those of --acme: it is served until there is one for exactly these, \
                         which is asked for at the start";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It can't be read, or not be served.
    #[error(transparent)]
    Files(#[from] BadCertificate),
    /// It can't be made.
    #[error("can't make a certificate")]
    SelfSigned(#[from] rcgen::Error),
    /// It can't be asked for.
    #[error(transparent)]
    Acme(#[from] BadAcme),
    /// TLS can't be spoken.
    #[error("can't serve HTTPS")]
    Tls(#[from] rustls::Error),
}

impl Source {
    /// Where the flags say that a certificate comes from, if they do.
    pub(crate) fn open(flags: &TlsFlags, state: Option<&Path>) -> Result<Option<Self>, TlsError> {
        if let (Some(chain), Some(key)) = (&flags.tls_cert, &flags.tls_key) {
            return Ok(Some(Self::Files(Files::read(chain, key)?)));
        }
        if flags.self_signed {
            let kept = state.map(self_signed::beside);
            return Ok(Some(Self::SelfSigned(SelfSigned::open(Names::of_this_machine(), kept.as_deref())?)));
        }
        if !flags.acme.is_empty() {
            return Ok(Some(Self::Acme(Box::new(Acme::open(flags)?))));
        }
        Ok(None)
    }

    /// The same for a trial, after which all is as it was: a certificate that this machine would make itself is not made.
    pub(crate) fn try_out(flags: &TlsFlags) -> Result<Option<Self>, TlsError> {
        if flags.self_signed {
            return Ok(None);
        }
        if !flags.acme.is_empty() {
            return Ok(Some(Self::Acme(Box::new(Acme::try_out(flags)?))));
        }
        Self::open(flags, None)
    }

    /// Where what is obtained is kept, if something is.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Files(_) | Self::SelfSigned(_) => None,
            Self::Acme(acme) => Some(acme.folder()),
        }
    }

    /// What is served of it.
    pub(crate) fn served(&self) -> Arc<Served> {
        match self {
            Self::Files(files) => files.served(),
            Self::SelfSigned(made) => made.served(),
            Self::Acme(acme) => acme.served(),
        }
    }

    /// Where this machine's own names lead, which the certificate is for: its pages may connect by them. Those that a directory has found
    /// lead here at the port of HTTPS as well.
    pub(crate) fn origins(&self, addresses: &[SocketAddr]) -> Vec<Origin> {
        let (hosts, found): (Vec<&str>, &[Domain]) = match self {
            // Whose they are stands in them, but not that they lead here.
            Self::Files(_) => (Vec::new(), &[]),
            Self::SelfSigned(made) => (made.hosts().iter().map(String::as_str).collect(), &[]),
            Self::Acme(acme) => (acme.domains().iter().map(Domain::as_str).collect(), acme.domains()),
        };
        let ports = || addresses.iter().map(SocketAddr::port);
        let urls = hosts.iter().flat_map(|host| ports().map(move |port| format!("https://{host}:{port}")));
        urls.filter_map(|url| url.parse().ok()).chain(site::certified_urls(found)).collect()
    }

    /// Whether browsers trust it without being asked. For a page they ask, for a relay they don't.
    pub(crate) fn is_trusted(&self) -> bool {
        match self {
            Self::Files(_) | Self::Acme(_) => true,
            Self::SelfSigned(_) => false,
        }
    }

    /// When the certificate that is served ends.
    pub(crate) fn end(&self) -> Option<Moment> {
        self.served().period().map(|period| period.until())
    }

    /// Whether browsers take it for this host; nothing where they trust none of it anyway, or another comes first.
    pub(crate) fn is_for(&self, host: &str) -> Option<bool> {
        let is_lasting = self.is_trusted() && self.end().is_some() && !self.is_passing();
        is_lasting.then(|| self.served().is_for(host))
    }

    /// Whether another is about to take its place, so that it need not be for each of our names.
    fn is_passing(&self) -> bool {
        matches!(self, Self::Acme(acme) if acme.stands_in())
    }

    /// What browsers may find amiss with it.
    pub(crate) fn doubt(&self) -> Option<String> {
        match self {
            Self::Files(files) => files.doubt(),
            Self::Acme(acme) => acme.stands_in().then(|| STANDS_IN.to_owned()),
            Self::SelfSigned(_) => None,
        }
    }

    /// Keeps what is served fresh, for as long as it is polled.
    pub(crate) async fn keep_fresh(self) {
        match self {
            Self::Files(files) => files.keep_fresh().await,
            Self::SelfSigned(made) => made.keep_fresh().await,
            Self::Acme(acme) => acme.keep_fresh().await,
        }
    }

    /// What somebody else looks for while a certificate is obtained.
    pub(crate) fn challenges(&self) -> Option<Arc<Challenges>> {
        match self {
            Self::Files(_) | Self::SelfSigned(_) => None,
            Self::Acme(acme) => Some(acme.challenges()),
        }
    }

    /// Tells when it has been tried to have a certificate, where that takes a while.
    pub(crate) fn tried(&self) -> Option<watch::Receiver<bool>> {
        match self {
            Self::Files(_) | Self::SelfSigned(_) => None,
            Self::Acme(acme) => Some(acme.tried()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    use crate::config::Config;
    use crate::origin::Origins;

    #[test]
    fn pages_of_each_certified_name_may_connect_at_443_and_where_it_listens() {
        let folder = std::env::temp_dir().join(format!("klatch-origins-{}", std::process::id()));
        let folder = folder.to_string_lossy();
        let acme = ["klatch", "--acme", "a.example", "--acme", "b.example", "--acme-cache", &*folder];
        for directory in [&[][..], &["--acme-directory", "https://acme-staging-v02.api.letsencrypt.org/directory"]] {
            let config = Config::parse_from(acme.iter().chain(directory));
            let source = Source::try_out(&config.tls).expect("a folder can be made").expect("there is one");
            let listening = vec!["[::]:8080".parse().expect("an address")];
            let origins = Origins::new(source.origins(&listening), listening, true);
            let allows = |url: &str| origins.allows(&url.parse().expect(url));
            for good in ["https://a.example", "https://b.example", "https://a.example:8080", "https://b.example:8080"] {
                assert!(allows(good), "{good} {directory:?}");
            }
            for bad in ["https://c.example", "http://b.example", "http://b.example:443", "https://b.example:8443"] {
                assert!(!allows(bad), "{bad} {directory:?}");
            }
        }
    }
}
