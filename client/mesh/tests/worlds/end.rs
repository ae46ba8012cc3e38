//! One end: a mesh, its browser, and the driver between them.

use std::collections::BTreeMap;

use klatch_mesh::{Carrier, Command, Health, Input, Kind, LinkId, Mesh, Rule, Rules};
use klatch_shared::peer::{Description, Source};
use klatch_shared::{MemberId, SessionNonce};

use crate::browser::{Browser, Outcome};
use crate::explore::print;
use crate::network::Message;

/// The protocol, or all of it but one rule.
#[derive(Clone, Copy, Debug)]
pub struct Broken(pub Option<Rule>);

impl Rules for Broken {
    fn keeps(self, rule: Rule) -> bool {
        self.0 != Some(rule)
    }
}

/// One page.
#[derive(Clone, Debug)]
pub struct End {
    pub me: MemberId,
    pub peer: MemberId,
    pub session: SessionNonce,
    pub mesh: Mesh<Broken>,
    /// The mesh's state in a number: all that can be told of it is its `Debug`.
    pub print: u64,
    /// What the page sends to everybody.
    pub sources: BTreeMap<Source, bool>,
    pub browser: Option<(LinkId, Browser)>,
    /// Connections that were closed with something in flight that still reports.
    pub ghosts: Vec<(LinkId, Browser)>,
    /// The other end's page session, once known.
    pub known: Option<SessionNonce>,
    pub health: Health,
    pub fails_next: bool,
    /// How often the broker was to be probed.
    pub probes: u32,
    /// How often a connection was counted that the other end cost.
    pub hurried: u32,
    /// Others who offered, and are not answered yet.
    offered: Vec<LinkId>,
    gathers: u32,
}

impl End {
    pub fn new(me: MemberId, peer: MemberId, session: SessionNonce, rules: Broken, gathers: u32) -> Self {
        Self {
            me,
            peer,
            session,
            mesh: Mesh::with_rules(me, session, rules),
            print: 0,
            sources: BTreeMap::from([(Source::Microphone, true)]),
            browser: None,
            ghosts: Vec::new(),
            known: None,
            health: Health::Connecting,
            fails_next: false,
            probes: 0,
            hurried: 0,
            offered: Vec::new(),
            gathers,
        }
    }

    /// Tells the mesh a fact and carries out what it orders; what is to be sent, or what went wrong.
    pub fn feed(&mut self, now: u64, fresh: &mut u32, input: Input) -> Result<Vec<(Carrier, Message)>, String> {
        let mut out = Vec::new();
        let commands = self.mesh.handle(now, input);
        self.print = print(&self.mesh);
        for command in commands {
            match self.other(&command) {
                None => out.extend(self.carry_out(fresh, command)?),
                Some(Some(fact)) => out.extend(self.feed(now, fresh, fact)?),
                Some(None) => {}
            }
        }
        if self.mesh.deadline().is_some_and(|deadline| deadline <= now) {
            return Err("a deadline that has come was left undone".into());
        }
        Ok(out)
    }

    fn carry_out(&mut self, fresh: &mut u32, command: Command) -> Result<Option<(Carrier, Message)>, String> {
        match command {
            Command::Open { link, offers } => {
                *fresh += 1;
                self.browser = Some((link, Browser::open(*fresh, self.gathers, &self.sources, offers)));
            }
            Command::SetLocal { link, restart } => {
                let browser = self.open(link)?;
                if browser.step.is_some() {
                    return Err("two steps at a time".into());
                }
                browser.set_local(restart);
            }
            Command::SetRemote { link, description, .. } => {
                let browser = self.open(link)?;
                if browser.step.is_some() {
                    return Err("two steps at a time".into());
                }
                browser.set_remote(&description);
            }
            Command::AddCandidate { link, candidate } => self.open(link)?.add_candidate(&candidate)?,
            Command::Send { session, carrier, exchange, side, sequence, signal, .. } => {
                let from = self.session;
                return Ok(Some((carrier, Message::Signal { from, to: session, exchange, side, sequence, signal })));
            }
            Command::Close { link } => {
                let (id, browser) = self.browser.take().ok_or("closes what is not open")?;
                if id != link {
                    return Err("closes another connection".into());
                }
                self.ghosts.extend((browser.step.is_some() || browser.has_task()).then_some((id, browser)));
            }
            Command::Refused { .. } => return Err("nobody refuses a link".into()),
            Command::Hurried { .. } => self.hurried += 1,
            Command::ProbeBroker => self.probes += 1,
            Command::Show { health, .. } => self.health = health,
        }
        Ok(None)
    }

    /// If it is about somebody else than the other end: what comes of it at once. Nothing that is sent to them arrives.
    fn other(&mut self, command: &Command) -> Option<Option<Input>> {
        let others = |peer: &MemberId| *peer != self.peer;
        match command {
            Command::SetRemote { link, .. } if others(&link.peer) => {
                self.offered.push(*link);
                Some(Some(Input::RemoteSet { link: *link }))
            }
            Command::SetLocal { link, .. } if others(&link.peer) => {
                let before = self.offered.len();
                self.offered.retain(|it| it != link);
                let kind = if self.offered.len() < before { Kind::Answer } else { Kind::Offer };
                let description = Description { sdp: String::new(), sources: vec![] };
                Some(Some(Input::LocalSet { link: *link, kind, description }))
            }
            Command::Open { link, .. } | Command::Close { link } | Command::AddCandidate { link, .. } => {
                others(&link.peer).then_some(None)
            }
            Command::Send { peer, .. }
            | Command::Refused { peer }
            | Command::Hurried { peer }
            | Command::Show { peer, .. } => others(peer).then_some(None),
            Command::SetRemote { .. } | Command::SetLocal { .. } | Command::ProbeBroker => None,
        }
    }

    fn open(&mut self, link: LinkId) -> Result<&mut Browser, String> {
        match &mut self.browser {
            Some((id, browser)) if *id == link => Ok(browser),
            Some(_) | None => Err("orders something of a connection that is not open".into()),
        }
    }

    /// What a signal is to the mesh, if it opens: it was sealed between these two page sessions.
    pub fn unseal(&self, carrier: Carrier, message: Message) -> Option<Input> {
        let peer = self.peer;
        match message {
            Message::Signal { from, to, exchange, side, sequence, signal } => {
                let opens = self.known == Some(from) && to == self.session;
                opens.then_some(Input::Signal { peer, carrier, exchange, side, sequence, signal })
            }
            Message::Refused { exchange, side } => Some(Input::Refused { peer, exchange, side }),
            Message::Away => Some(Input::Away { peer }),
            Message::Present { session } => Some(Input::Present { peer, session, we_offer: false }),
        }
    }

    /// What the mesh is told of a step's outcome.
    pub fn report(link: LinkId, outcome: Outcome) -> Input {
        match outcome {
            Outcome::Local(kind, description) => Input::LocalSet { link, kind, description },
            Outcome::Remote => Input::RemoteSet { link },
            Outcome::Failed => Input::StepFailed { link },
        }
    }
}
