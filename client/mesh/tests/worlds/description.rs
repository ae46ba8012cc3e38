//! A model of SDP: who wrote it, its ICE generation, its media sections.

use klatch_mesh::Kind;
use klatch_shared::peer::{Description, IceCandidate, Source};

/// One description.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sdp {
    pub kind: Kind,
    /// The connection that wrote it.
    pub writer: u32,
    /// Which of its descriptions this is.
    pub serial: u32,
    /// ICE generation: unique among all connections.
    pub ufrag: u32,
    /// How many candidates of that generation are in it.
    pub candidates: u32,
    /// What each media section is for, and whether its writer sends there.
    pub lines: Vec<(Source, bool)>,
}

impl Sdp {
    pub fn sources(&self) -> Vec<Source> {
        self.lines.iter().map(|(source, _)| *source).collect()
    }

    /// As it travels. `Debug` of a description hides its SDP on purpose, and shows its sources: the text is there too, so that
    /// an exploration that tells states apart by `Debug` tells descriptions apart.
    pub fn to_description(&self) -> Description {
        let kind = match self.kind {
            Kind::Offer => "o",
            Kind::Answer => "a",
        };
        let lines: Vec<String> =
            self.lines.iter().map(|(source, sends)| format!("{}{sends}", letter(*source))).collect();
        let Self { writer, serial, ufrag, candidates, .. } = self;
        let sdp = format!("{kind} {serial} {ufrag} {candidates} {}\na=fingerprint:{writer}\n", lines.join(","));
        Description { sources: vec![(sdp.clone(), Source::Microphone)], sdp }
    }

    pub fn of(description: &Description) -> Self {
        let (head, rest) = description.sdp.split_once('\n').expect("two lines");
        let [kind, serial, ufrag, candidates, lines] = head.split(' ').collect::<Vec<_>>()[..] else {
            panic!("five fields: {head}");
        };
        let number = |text: &str| text.parse().expect("a number");
        Self {
            kind: if kind == "o" { Kind::Offer } else { Kind::Answer },
            writer: number(rest.trim().strip_prefix("a=fingerprint:").expect("a fingerprint")),
            serial: number(serial),
            ufrag: number(ufrag),
            candidates: number(candidates),
            lines: lines.split(',').filter(|line| !line.is_empty()).map(line).collect(),
        }
    }
}

/// Candidates of one ICE generation, at most.
const PER_GENERATION: usize = 4;

/// `Debug` of a candidate shows its length alone, so that is what tells it.
pub fn candidate(ufrag: u32, n: u32) -> IceCandidate {
    let code = ufrag as usize * PER_GENERATION + n as usize;
    IceCandidate { candidate: "x".repeat(code), mid: None, line: None, ufrag: None }
}

/// Generation and number.
pub fn read_candidate(candidate: &IceCandidate) -> (u32, u32) {
    let code = candidate.candidate.len();
    ((code / PER_GENERATION) as u32, (code % PER_GENERATION) as u32)
}

fn letter(source: Source) -> char {
    match source {
        Source::Microphone => 'm',
        Source::Camera => 'c',
        Source::Screen => 's',
        Source::ScreenSound => 'n',
    }
}

fn line(text: &str) -> (Source, bool) {
    let source = Source::ALL.into_iter().find(|source| text.starts_with(letter(*source))).expect("a source");
    (source, text.ends_with("true"))
}
