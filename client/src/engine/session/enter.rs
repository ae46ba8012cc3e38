//! Taking a seat, and taking it again on each new socket.

use klatch_shared::wire::{Account, Admission, Admitted, Create, Hello, IceServers, Join, RefusalCode, Revive, Verb};
use klatch_shared::{Card, Invitation, MemberKeys, Proof, ProofLabel, RoomName, SeatToken, Username, seal};

use super::super::door::{self, Door};
use super::super::late;
use super::super::socket::AskError;
use super::super::storage;
use super::*;
use crate::state::{LocalTile, Page, Room};

/// Why we are not in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum EnterError {
    /// The broker refused, with a sentence.
    Refused(RefusalCode, String),
    /// The broker can't be reached.
    Unreachable,
}

impl Session {
    /// Enters a room: takes the seat, with what is ready at the `door`, and shows the room.
    pub(in crate::engine) async fn enter(
        around: Surroundings,
        mut seat: SeatRecord,
        name: Username,
        door: Option<Door>,
    ) -> Result<Rc<Self>, EnterError> {
        if seat.my_name.as_ref() != Some(&name) {
            seat.revision += 1;
            seat.my_name = Some(name);
        }
        let door = match door.filter(Door::is_open) {
            Some(door) => door,
            None => Door::of(&seat).await.ok_or(EnterError::Unreachable)?,
        };
        let Door { room, socket, hello, proof, spare } = door;
        around.store.greeted(&hello);
        let nonce = SessionNonce::random();
        let bar = RefCell::new(Bar::new(seat.memory.clone()));
        let this = Rc::new_cyclic(|weak| Self {
            weak: weak.clone(),
            around,
            me: seat.member,
            nonce,
            mesh: RefCell::new(Mesh::new(seat.member, nonce)),
            room,
            ordinal: Cell::new(seat.ordinal),
            seat: RefCell::new(seat),
            creator: Cell::default(),
            usurped: Cell::default(),
            bar,
            socket: RefCell::default(),
            waiting: RefCell::new(Some(Vec::new())),
            servers: RefCell::default(),
            asked_servers: Cell::default(),
            peers: RefCell::default(),
            links: RefCell::default(),
            alarm: RefCell::default(),
            reconnect: RefCell::default(),
            rival: RefCell::default(),
            may_dial: Cell::default(),
            returns: RefCell::default(),
            lines: Cell::new(0),
            guards: RefCell::default(),
            spare: RefCell::new(spare),
            unanswered: Cell::new(0),
            drawing: RefCell::default(),
            tuning: RefCell::default(),
            chat: RefCell::default(),
            told_full: Cell::new(false),
            over: Cell::new(false),
        });
        socket.pass_to(this.listener());
        *this.socket.borrow_mut() = Some(socket);
        late::load();
        let entered = async {
            let admitted = this.take_or_revive(proof, &hello).await?;
            let name = this.room_name(&admitted)?;
            // Drawing takes longer than anything else here, and sound does not wait for it.
            this.around.store.tell_later();
            this.show_room(&admitted, name, hello.public_url.as_deref());
            this.take_in(admitted);
            this.draw_soon();
            Ok(())
        };
        if let Err(error) = entered.await {
            this.shut();
            return Err(error);
        }
        this.watch_page();
        this.check_relay();
        let weak = this.weak.clone();
        this.around.media.on_change(Callback::from(move |()| {
            if let Some(this) = weak.upgrade() {
                this.media_changed();
            }
        }));
        this.line("You joined");
        Ok(this)
    }

    /// Has the page drawn once everybody's answer is in place, or in a moment.
    fn draw_soon(&self) {
        const MOMENT_MS: u32 = 150;
        self.unanswered.set(self.links.borrow().iter().count());
        if self.unanswered.get() == 0 {
            self.around.store.tell_now();
            return;
        }
        let store = self.around.store.clone();
        *self.drawing.borrow_mut() = Some(Timeout::new(MOMENT_MS, move || store.tell_now()));
    }

    /// A new socket's `hello`, in the room already: back to the same seat.
    pub(super) async fn come_back(&self, hello: &Hello) {
        *self.waiting.borrow_mut() = Some(Vec::new());
        let label = door::label(&self.seat.borrow());
        match self.take_or_revive(self.room.prove(label, &hello.nonce, &self.me), hello).await {
            Ok(admitted) => {
                self.returns.borrow_mut().let_in(clock::now());
                self.told_full.set(false);
                self.broker_is(BrokerLink::Up);
                self.take_in(admitted);
            }
            Err(EnterError::Refused(RefusalCode::RoomFull, sentence)) => {
                if !self.told_full.replace(true) {
                    self.warn(sentence);
                }
                self.turned_back();
            }
            // The broker has lost the room, but we have not: the call goes on without it.
            Err(EnterError::Refused(RefusalCode::UnknownRoom | RefusalCode::UnknownSeat, _))
                if self.mesh_is_alive() =>
            {
                self.broker_is(BrokerLink::Forgetful);
                self.turned_back();
            }
            Err(EnterError::Refused(RefusalCode::UnknownRoom | RefusalCode::UnknownSeat, _)) => self.end(Over::Gone),
            // Whatever else it is will pass: a limit, a restart.
            Err(EnterError::Refused(..)) => self.turned_back(),
            // The socket tells of its own end.
            Err(EnterError::Unreachable) => {}
        }
    }

    /// Takes the seat, or tells of the room where the broker does not know it: it may have been restarted, and where it was not refuses
    /// that too. A page that was just loaded remembers too little to open a room again that nobody else told of yet.
    async fn take_or_revive(&self, proof: Proof, hello: &Hello) -> Result<Admitted, EnterError> {
        let taken = self.take_seat(self.seat_verb(proof)).await;
        let may_revive = match &taken {
            Err(EnterError::Refused(RefusalCode::UnknownSeat, _)) => true,
            Err(EnterError::Refused(RefusalCode::UnknownRoom, _)) => self.chat.borrow().is_some(),
            _ => false,
        };
        if may_revive && let Some(verb) = self.revive_verb(self.room.prove(ProofLabel::Revive, &hello.nonce, &self.me))
        {
            return self.take_seat(verb).await.or_else(|error| self.without_code(error, taken));
        }
        taken
    }

    /// Where a host's code is wanted, somebody else may have one and bring the room back: until then it is gone. Whoever shows a wrong one
    /// does it once.
    fn without_code(&self, error: EnterError, before: Result<Admitted, EnterError>) -> Result<Admitted, EnterError> {
        if !matches!(error, EnterError::Refused(RefusalCode::HostCodeWanted | RefusalCode::HostCodeWrong, _)) {
            return Err(error);
        }
        self.seat.borrow_mut().code = None;
        before
    }

    /// Asks for the seat and for ICE servers, in one breath.
    async fn take_seat(&self, verb: Verb) -> Result<Admitted, EnterError> {
        let socket = self.socket().ok_or(EnterError::Unreachable)?;
        self.asked_servers.set(clock::wall());
        let (admitted, servers) =
            futures_util::future::join(socket.ask::<Admitted>(verb), socket.ask::<IceServers>(Verb::IceServers)).await;
        if let Ok(servers) = servers {
            *self.servers.borrow_mut() = servers.ice_servers;
        }
        match admitted {
            Ok(admitted) => {
                let mut seat = self.seat.borrow_mut();
                seat.taken = true;
                Ok(admitted)
            }
            Err(AskError::Refused(refusal)) => Err(EnterError::Refused(refusal.code, refusal.reason.into_owned())),
            Err(AskError::Lost) => Err(EnterError::Unreachable),
        }
    }

    fn seat_verb(&self, proof: Proof) -> Verb {
        let seat = self.seat.borrow();
        let card = self.card(&seat).seal(&self.room);
        let (key, member, session) = (self.room.public(), self.me, self.nonce);
        if seat.is_to_be_created() {
            let name = seat.room_name.as_ref().expect("who creates a room has named it");
            return Verb::Create(Create {
                member,
                key,
                proof,
                seat: seat.token.hash(),
                invite: seat.invitation.invite.hash(),
                name: seal::seal_room_name(self.room.sealing(), self.room.id(), name),
                card,
                session,
                code: seat.code.clone(),
            });
        }
        let admission = if seat.taken {
            Admission::Seat { token: seat.token.clone() }
        } else {
            Admission::Invite { token: seat.invitation.invite.clone(), seat: seat.token.hash() }
        };
        Verb::Join(Join { member, key, proof, admission, card, session })
    }

    /// What we remember of the room, to bring it back.
    fn revive_verb(&self, proof: Proof) -> Option<Verb> {
        let (seat, bar, ordinal) = (self.seat.borrow(), self.bar.borrow(), self.ordinal.get());
        Some(Verb::Revive(Revive {
            member: self.me,
            key: self.room.public(),
            proof,
            token: seat.token.clone(),
            ordinal,
            card: self.card(&seat).seal(&self.room),
            session: self.nonce,
            account: Account {
                creator: bar.creator()?,
                locked: bar.is_locked(),
                name: seal::seal_room_name(self.room.sealing(), self.room.id(), seat.room_name.as_ref()?),
                invite: seat.invitation.invite.hash(),
                next_ordinal: self.chat.borrow().as_ref().map_or(ordinal, Chat::latest_seat).saturating_add(1),
                seats: self.peers.borrow().seats(),
            },
            code: seat.code.clone(),
        }))
    }

    /// Our card as it is now.
    pub(super) fn card(&self, seat: &SeatRecord) -> Card {
        let name = seat.my_name.clone().expect("whoever enters has a name");
        Card::new(self.room.id(), &seat.keys, name, seat.revision)
    }

    fn room_name(&self, admitted: &Admitted) -> Result<RoomName, EnterError> {
        seal::open_room_name(self.room.sealing(), self.room.id(), &admitted.name).map_err(|_| {
            let sentence = "The key in this link does not open this room. Ask for the link to be sent again.";
            EnterError::Refused(RefusalCode::BadProof, sentence.to_owned())
        })
    }

    fn show_room(&self, admitted: &Admitted, name: RoomName, public_url: Option<&str>) {
        let mut seat = self.seat.borrow_mut();
        seat.room_name = Some(name.clone());
        seat.missed = None;
        let stored = storage::save_seat(&seat);
        let my_name = seat.my_name.clone().expect("whoever enters has a name");
        let origin = web_sys::window().and_then(|window| window.location().origin().ok()).unwrap_or_default();
        let link = seat.invitation.link(public_url.unwrap_or(&origin));
        let remembered = seat.remember && stored;
        let creator = seat.is_creator();
        drop(seat);
        storage::set_inside(Some(self.room.id()));
        if stored {
            super::super::route::hide_fragment(self.room.id());
        }
        let label = my_name.as_str().to_owned();
        self.around.store.dispatch(Action::Show(Page::Room(Box::new(Room {
            id: self.room.id(),
            name,
            link,
            locked: admitted.locked,
            creator,
            me: LocalTile { id: self.me, name: my_name, label },
            members: Vec::new(),
            keeps_history: true,
            chat: Rc::default(),
            panel: None,
            on_stage: None,
            hidden: Vec::new(),
            loudness: Vec::new(),
            sound_blocked: false,
            broker: BrokerLink::Up,
            remembered,
            can_share: super::super::can_share(),
        }))));
    }

    /// Takes in the room as it is, then the events that came meanwhile.
    fn take_in(&self, admitted: Admitted) {
        // A broker that forgot it may have given our place to somebody else; those who were here know better.
        if self.chat.borrow().is_none() {
            self.ordinal.set(admitted.ordinal);
            self.seat.borrow_mut().ordinal = admitted.ordinal;
        }
        let forgot = self.bar.borrow_mut().come(admitted.creator, admitted.revived);
        let creator = self.bar.borrow().creator().unwrap_or(admitted.creator);
        self.creator.set(Some(creator));
        self.usurped.set(creator != admitted.creator);
        self.locked(admitted.locked);
        let is_new = self.begin_chat(creator);
        self.look_who_is_missing(&admitted, forgot);
        self.feed(Input::BrokerBack);
        self.members_found(&admitted.members);
        self.remember_lock();
        if creator == self.me && !admitted.locked && self.bar.borrow().is_up() {
            // It was told otherwise.
            self.lock(true);
        }
        if is_new {
            self.remember_history();
        }
        let waited = self.waiting.borrow_mut().take().unwrap_or_default();
        for event in waited {
            self.on_event(event);
        }
    }

    /// Whether to remember this room beyond this tab.
    pub(in crate::engine) fn remember(&self, remember: bool) {
        let mut seat = self.seat.borrow_mut();
        seat.remember = remember;
        storage::save_seat(&seat);
    }
}

/// A seat of our own in the room of an invitation: the one that we have, or a new one.
pub(in crate::engine) fn seat_for(invitation: Invitation) -> SeatRecord {
    storage::seat(invitation.room).unwrap_or_else(|| SeatRecord::new(invitation, false, None))
}

impl SeatRecord {
    /// Whether the room waits for us to create it.
    pub(in crate::engine) fn is_to_be_created(&self) -> bool {
        self.is_creator() && !self.taken
    }

    /// The seat was released, or forgotten: another one, with the same invitation. What we know of the room stays so.
    pub(in crate::engine) fn renew(&mut self) {
        if self.is_creator() {
            self.memory.creators_latch = Some(self.token.hash().latch());
        }
        self.token = SeatToken::random();
        self.keys = MemberKeys::random();
        self.member = self.keys.verifying().owner();
        self.taken = false;
        self.revision = 1;
        self.memory.doubt();
    }
}
