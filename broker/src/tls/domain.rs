//! What certificates are asked for by ACME, and whom.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use rustls::pki_types::DnsName;

/// A host name that a certificate can be had for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

/// What names within a network or a machine end with: those outside find nobody by them (RFC 6761, RFC 6762, ICANN for `internal`).
const WITHIN: [&str; 5] = ["internal", "invalid", "local", "localhost", "test"];

/// A text that is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a domain is a host name, as in meet.example: no address, no port, no *")]
pub struct BadDomain;

impl FromStr for Domain {
    type Err = BadDomain;

    fn from_str(text: &str) -> Result<Self, BadDomain> {
        let name = text.trim_end_matches('.').to_ascii_lowercase();
        let is_address = name.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if is_address || name.contains(['*', '_']) || DnsName::try_from(name.as_str()).is_err() {
            return Err(BadDomain);
        }
        Ok(Self(name))
    }
}

impl Domain {
    /// As it is written, without a dot at the end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a directory that everybody trusts can find who has it.
    pub(crate) fn is_public(&self) -> bool {
        self.0.rsplit_once('.').is_some_and(|(_, last)| !WITHIN.contains(&last))
    }
}

/// Where a directory is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUrl(String);

/// A text that is no such place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a directory is at an https:// URL")]
pub struct BadDirectoryUrl;

impl FromStr for DirectoryUrl {
    type Err = BadDirectoryUrl;

    fn from_str(text: &str) -> Result<Self, BadDirectoryUrl> {
        let uri: Uri = text.parse().map_err(|_| BadDirectoryUrl)?;
        let is_fit = uri.scheme_str() == Some("https") && uri.host().is_some_and(|host| !host.is_empty());
        if is_fit { Ok(Self(text.to_owned())) } else { Err(BadDirectoryUrl) }
    }
}

impl fmt::Display for DirectoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_a_host_name() {
        assert_eq!("Meet.Example.".parse(), Ok(Domain("meet.example".into())));
        assert!("localhost".parse::<Domain>().is_ok() && "xn--bcher-kva.example".parse::<Domain>().is_ok());
        for bad in [
            "",
            ".",
            "*.meet.example",
            "192.0.2.1",
            "[::1]",
            "::1",
            "meet.example:443",
            "https://meet.example",
            "a b",
            "bücher.example",
            "a_b",
        ] {
            assert_eq!(bad.parse::<Domain>(), Err(BadDomain), "{bad}");
        }
    }

    #[test]
    fn what_is_within_a_network_is_not_public() {
        let is_public = |name: &str| name.parse::<Domain>().expect(name).is_public();
        assert!(is_public("meet.example") && is_public("local.meet.example."));
        for within in ["localhost", "attic", "attic.local", "a.b.internal", "Meet.LOCALHOST."] {
            assert!(!is_public(within), "{within}");
        }
    }

    #[test]
    fn a_directory_is_asked_over_https_alone() {
        assert!("https://localhost:14000/dir".parse::<DirectoryUrl>().is_ok());
        for bad in ["", "http://acme.example/dir", "acme.example", "https://", "/dir"] {
            assert_eq!(bad.parse::<DirectoryUrl>(), Err(BadDirectoryUrl), "{bad}");
        }
    }
}
