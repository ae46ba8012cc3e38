//! What is changed in a session description, and why.
//!
//! The Opus parameters in the remote description tell our encoder what to do (RFC 7587 §6.1): with `usedtx=1` silence costs 3.8
//! instead of 41 kbit/s, and with `useinbandfec=1` lost packets can be concealed from the next.
//!
//! Who is DTLS's client stays so as long as the connection lives (RFC 8842 §5.5). Firefox keeps to that, but when it answers an ICE restart it
//! says that it is the client, whether it is or not; Chromium refuses an answer that would change that.
//!
//! Candidates that a description brings along are no more than those that may come by themselves.

use klatch_shared::limits::MAX_CANDIDATES;

/// The remote description, asking our Opus encoder for DTX and in-band FEC, without the candidates that are too many; whether its sender is
/// DTLS's client is told as it is, if it is known.
pub(super) fn amended(sdp: &str, is_client: Option<bool>) -> String {
    let opus: Vec<&str> = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"))
        .filter_map(|map| map.split_once(' '))
        .filter(|(_, codec)| codec.to_ascii_lowercase().starts_with("opus/"))
        .map(|(payload, _)| payload)
        .collect();
    let mut out = String::with_capacity(sdp.len() + 64);
    let mut candidates = 0;
    for line in sdp.lines() {
        let name = line.as_bytes().get(2..11).unwrap_or_default();
        candidates += u32::from(name.eq_ignore_ascii_case(b"candidate"));
        // Some browsers take a lone CR for the end of a line, too, and look for a name behind what is none.
        let is_odd = line.contains('\r') || matches!(name, [b' ' | b'\t' | b':', ..]);
        if is_odd || candidates > MAX_CANDIDATES && name.eq_ignore_ascii_case(b"candidate") {
            continue;
        }
        out.push_str(match is_client {
            Some(true) if line.starts_with(SETUP) => "a=setup:active",
            Some(false) if line.starts_with(SETUP) => "a=setup:passive",
            _ => line,
        });
        let parameters = line.strip_prefix("a=fmtp:").and_then(|rest| rest.split_once(' '));
        if let Some((payload, parameters)) = parameters
            && opus.contains(&payload)
        {
            for wanted in ["usedtx=1", "useinbandfec=1"] {
                let name = wanted.split('=').next().unwrap_or(wanted);
                if !parameters.split(';').any(|p| p.trim().split('=').next() == Some(name)) {
                    out.push(';');
                    out.push_str(wanted);
                }
            }
        }
        out.push_str("\r\n");
    }
    out
}

const SETUP: &str = "a=setup:";

/// Whether who made an answer is to be DTLS's client (RFC 5763 §5).
pub(super) fn is_client(answer: &str) -> Option<bool> {
    match first(answer, SETUP)? {
        "active" => Some(true),
        "passive" => Some(false),
        _ => None,
    }
}

/// The user fragment of the first media section: another one is an ICE restart (RFC 8839 §4.4.1.1.1).
pub(super) fn ufrag(sdp: &str) -> Option<&str> {
    first(sdp, "a=ice-ufrag:")
}

/// What the first line that begins so goes on with.
fn first<'a>(sdp: &'a str, begin: &str) -> Option<&'a str> {
    sdp.lines().find_map(|line| line.strip_prefix(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:96 VP8/90000\r\na=fmtp:96 x=1\r\n";

    #[test]
    fn a_restart_shows_in_the_first_user_fragment() {
        assert_eq!(ufrag(SDP), None);
        assert_eq!(ufrag("v=0\r\na=ice-ufrag:Ab1+\r\nm=audio\r\na=ice-ufrag:other\r\n"), Some("Ab1+"));
    }

    #[test]
    fn opus_is_asked_for_dtx_once_and_nothing_else_changes() {
        let once = amended(SDP, None);
        assert!(once.contains("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n"));
        assert_eq!(once.replace(";usedtx=1", ""), SDP);
        assert_eq!(amended(&once, None), once);
    }

    #[test]
    fn candidates_beyond_those_that_there_may_be_are_left_out_and_so_is_what_not_all_take_for_one_line() {
        let of = |count: u32, end: &str| {
            let candidates = (0..count).map(|n| format!("a=candidate:{n} 1 udp 1 192.0.2.1 9 typ host{end}"));
            ["v=0\r\nm=audio", end, &candidates.collect::<String>(), "a=sendrecv\r\n"].concat()
        };
        for end in ["\r\n", "\n"] {
            assert_eq!(amended(&of(3, end), None), of(3, "\r\n"));
            assert_eq!(amended(&of(600, end), None), of(MAX_CANDIDATES, "\r\n"));
        }
        assert_eq!(amended(&of(600, "\r"), None), "v=0\r\n");
        for (spelt, left) in [("a=canDidate", MAX_CANDIDATES as usize), ("a= candidate", 0), ("a=:candidate", 0)] {
            let odd = amended(&of(600, "\n").replace("a=candidate", spelt), None);
            assert_eq!(odd.matches(spelt).count(), left, "{spelt}");
        }
    }

    #[test]
    fn whoever_is_the_client_stays_so_whatever_an_answer_says() {
        let answer = |role: &str| format!("v=0\r\nm=audio\r\na=setup:{role}\r\nm=video\r\na=setup:{role}\r\n");
        assert_eq!(
            ["active", "passive", "actpass", "x"].map(|role| is_client(&answer(role))),
            [Some(true), Some(false), None, None]
        );
        for role in ["active", "passive"] {
            assert_eq!(amended(&answer(role), Some(true)), answer("active"));
            assert_eq!(amended(&answer(role), Some(false)), answer("passive"));
            assert_eq!(amended(&answer(role), None), answer(role));
        }
    }
}
