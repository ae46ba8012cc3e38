//! Who may read the metrics: programs, and a person who typed the address. No page of another site, though the browser that shows it
//! is on the host's own machine or network.
//!
//! A page that asks here by an address or a name of this network is told apart by what browsers say of it, and would not get to read the
//! answer anyway. One that has its own name lead here after it was loaded (DNS rebinding) is of the same origin then, and as the name is
//! not one of this machine's and nothing is encrypted, browsers say nothing of it: neither `Origin` nor `Sec-Fetch-Site`. What tells is
//! the name, which must be one in public DNS, together with `Accept-Language`: browsers always send it, a page can change it and not
//! leave it out, and programs that gather metrics send none, whatever name they ask by.

use hyper::header::{ACCEPT_LANGUAGE, HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::uri::Authority;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Endings of names that nobody gets in public DNS (RFC 6761, 6762 and 8375, ICANN's `internal`).
const LOCAL_ENDINGS: [&str; 10] =
    [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".home", ".corp", ".intranet", ".private", ".test"];

/// Why a request with these headers is refused, if it is.
pub(super) fn refusal(headers: &HeaderMap) -> Option<&'static str> {
    let is_of_a_page = headers.contains_key(ORIGIN) || headers.get(SEC_FETCH_SITE).is_some_and(|site| site != "none");
    if is_of_a_page {
        return Some("Pages may not read metrics. Type the address of this one into the browser yourself.\n");
    }
    let is_of_a_browser = headers.contains_key(ACCEPT_LANGUAGE);
    (is_of_a_browser && !is_by_local_name(headers))
        .then_some("Browsers may not read metrics by this name. Type the machine's IP address in its place.\n")
}

/// Whether whoever asks knows this machine by an address, or a name that leads to nobody else's.
fn is_by_local_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else { return true };
    let Some(authority) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    is_address || !host.contains('.') || LOCAL_ENDINGS.iter().any(|ending| host.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(fields: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().expect("a value"));
        }
        refusal(&headers).is_some()
    }

    #[test]
    fn programs_read_them_by_any_name() {
        for host in ["127.0.0.1:9100", "klatch:9100", "klatch.meet.svc.cluster.local:9100", "node7.example.com:9100"] {
            assert!(!is_refused(&[("host", host), ("accept", "text/plain"), ("accept-encoding", "gzip")]), "{host}");
        }
        assert!(!is_refused(&[]), "HTTP/1.0");
    }

    #[test]
    fn a_page_whose_name_was_made_to_lead_here_reads_nothing() {
        // As Chromium and Firefox ask, of a page that leaves out and empties what it can.
        for host in ["evil.example:9100", "evil.example.:9100", "127.0.0.1.evil.example", "local.evil.example", "a b"] {
            for language in ["en-US,en;q=0.9", ""] {
                let asked = [("host", host), ("user-agent", "Prometheus/3"), ("accept-language", language)];
                assert!(is_refused(&asked), "{host} {language}");
            }
        }
    }

    #[test]
    fn a_person_reads_them_who_types_an_address_or_a_name_of_this_network() {
        for host in
            ["127.0.0.1:9100", "[::1]:9100", "[fd00::7]", "LOCALHOST:9100", "klatch:9100", "klatch.lan.", "a.home.arpa"]
        {
            let typed = [("host", host), ("accept-language", "de"), ("sec-fetch-site", "none")];
            assert!(!is_refused(&typed) && !is_refused(&typed[..2]), "{host}");
        }
    }

    #[test]
    fn a_page_from_elsewhere_reads_nothing_by_any_name() {
        for sign in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "same-origin"),
        ] {
            for host in ["127.0.0.1:9100", "localhost:9100", "evil.example:9100"] {
                assert!(is_refused(&[("host", host), sign]), "{host} {sign:?}");
            }
        }
    }
}
