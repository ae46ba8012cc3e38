//! Somebody without a page, who speaks to the broker as a page would and says what they like.

use anyhow::{Context, Result, anyhow, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use klatch_shared::json::FromJson;
use klatch_shared::wire::{
    Account, Admission, Admitted, Create, Event, Forget, Hello, Join, Request, Revive, SeatOf, ServerFrame, Verb,
};
use klatch_shared::{
    Card, Invitation, MemberId, MemberKeys, ProofLabel, RoomKeys, RoomName, Sealed, SeatToken, SessionNonce, seal,
};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Who has a room's link.
pub struct Outsider {
    invitation: Invitation,
    room: RoomKeys,
    member: MemberId,
    token: SeatToken,
    session: SessionNonce,
    keys: MemberKeys,
    name: String,
}

/// Somebody inside, until this is dropped.
pub struct Presence {
    reading: JoinHandle<()>,
    orders: UnboundedSender<Verb>,
}

impl Presence {
    fn on(mut line: Line) -> Self {
        let (orders, mut ordered) = unbounded_channel();
        let reading = tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(verb) = ordered.recv() => if line.send(verb).await.is_err() { return },
                    frame = line.socket.next() => if !matches!(frame, Some(Ok(_))) { return },
                }
            }
        });
        Self { reading, orders }
    }

    /// Ends the room for everybody, as far as the broker lets them: it closes the socket then.
    ///
    /// # Errors
    /// They are not inside any more.
    pub async fn ends_the_room(mut self) -> Result<()> {
        self.orders.send(Verb::End)?;
        Ok((&mut self.reading).await?)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Outsider {
    /// With this link, and a seat of their own in mind.
    ///
    /// # Errors
    /// It is none.
    pub fn new(name: &str, link: &str) -> Result<Self> {
        let invitation: Invitation = link.parse().context("no link")?;
        let room = RoomKeys::derive(&invitation.key);
        let (keys, token, session) = (MemberKeys::random(), SeatToken::random(), SessionNonce::random());
        let member = keys.verifying().owner();
        Ok(Self { invitation, room, member, token, session, keys, name: name.to_owned() })
    }

    /// Comes in with the link, looks around, and goes.
    ///
    /// # Errors
    /// The broker refuses.
    pub async fn looks_in(&self, port: u16) -> Result<Admitted> {
        let mut line = Line::open(port, &self.room).await?;
        let admitted = line.ask(self.join(&line, self.invited(), self.session)?).await?;
        line.send(Verb::Forget(Default::default())).await?;
        line.reply().await?;
        Ok(admitted)
    }

    /// Comes in, and back again and again as another page, as often as the broker takes it; never ends by itself.
    ///
    /// # Errors
    /// The broker does not let them in, or ends it.
    pub async fn reloads(&self, port: u16) -> Result<()> {
        // Proofs that a connection may show before it is told to be slower.
        const AT_ONCE: usize = 30;
        let mut line = Line::open(port, &self.room).await?;
        let _: Admitted = line.ask(self.join(&line, self.invited(), self.session)?).await?;
        loop {
            for _ in 0..AT_ONCE {
                let seat = Admission::Seat { token: self.token.clone() };
                line.send(self.join(&line, seat, SessionNonce::random())?).await?;
                // It may be refused, which is what such a page deserves.
                let _ = line.reply().await;
            }
            line = Line::open(port, &self.room).await?;
        }
    }

    fn invited(&self) -> Admission {
        Admission::Invite { token: self.invitation.invite.clone(), seat: self.token.hash() }
    }

    fn join(&self, line: &Line, admission: Admission, session: SessionNonce) -> Result<Verb> {
        Ok(Verb::Join(Join {
            member: self.member,
            key: self.room.public(),
            proof: self.room.prove(ProofLabel::Join, &line.hello.nonce, &self.member),
            admission,
            card: self.card()?,
            session,
        }))
    }

    /// Tells a broker of the room, as one that is not locked: with this creator, or as their own, and with these seats. Stays inside.
    ///
    /// # Errors
    /// The broker refuses.
    pub async fn revives(&self, port: u16, creator: Option<MemberId>, seats: Vec<SeatOf>) -> Result<Presence> {
        let mut line = Line::open(port, &self.room).await?;
        let account = Account {
            creator: creator.unwrap_or(self.member),
            locked: false,
            name: self.room_name()?,
            invite: self.invitation.invite.hash(),
            next_ordinal: 9,
            seats,
        };
        let _: Admitted = line
            .ask(Verb::Revive(Revive {
                member: self.member,
                key: self.room.public(),
                proof: self.room.prove(ProofLabel::Revive, &line.hello.nonce, &self.member),
                token: self.token.clone(),
                ordinal: 8,
                card: self.card()?,
                session: self.session,
                account,
                code: None,
            }))
            .await?;
        Ok(Presence::on(line))
    }

    /// Creates a room of their own with the link's key. Stays inside.
    ///
    /// # Errors
    /// The broker refuses.
    pub async fn creates(&self, port: u16) -> Result<Presence> {
        let mut line = Line::open(port, &self.room).await?;
        let _: Admitted = line
            .ask(Verb::Create(Create {
                member: self.member,
                key: self.room.public(),
                proof: self.room.prove(ProofLabel::Create, &line.hello.nonce, &self.member),
                seat: self.token.hash(),
                invite: self.invitation.invite.hash(),
                name: self.room_name()?,
                card: self.card()?,
                session: self.session,
                code: None,
            }))
            .await?;
        Ok(Presence::on(line))
    }

    /// Gives up a seat in the room that this token opens.
    ///
    /// # Errors
    /// The broker refuses.
    pub async fn releases(&self, port: u16, token: SeatToken) -> Result<()> {
        let mut line = Line::open(port, &self.room).await?;
        line.send(Verb::Forget(Forget { token: Some(token) })).await?;
        line.reply().await.map(drop)
    }

    fn room_name(&self) -> Result<Sealed> {
        let name: RoomName = "Sunday breakfast".parse().context("a name")?;
        Ok(seal::seal_room_name(self.room.sealing(), self.room.id(), &name))
    }

    fn card(&self) -> Result<Sealed> {
        let name = self.name.parse().context("a name")?;
        Ok(Card::new(self.room.id(), &self.keys, name, 1).seal(&self.room))
    }
}

/// A socket to a room.
struct Line {
    socket: WebSocketStream<TcpStream>,
    hello: Hello,
}

impl Line {
    async fn open(port: u16, room: &RoomKeys) -> Result<Self> {
        let mut request = format!("ws://127.0.0.1:{port}/ws/{}", room.id()).into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("klatch.v1"));
        let (mut socket, _) = client_async(request, TcpStream::connect(("127.0.0.1", port)).await?).await?;
        let first = socket.next().await.context("no hello")??;
        let ServerFrame::Event(Event::Hello(hello)) = ServerFrame::parse(first.to_text()?) else {
            bail!("not hello: {first}");
        };
        Ok(Self { socket, hello })
    }

    async fn ask<T: FromJson>(&mut self, verb: Verb) -> Result<T> {
        self.send(verb).await?;
        T::from_json(&self.reply().await?).context("another answer")
    }

    async fn send(&mut self, verb: Verb) -> Result<()> {
        Ok(self.socket.send(Message::text(Request { id: 1, verb }.to_frame())).await?)
    }

    async fn reply(&mut self) -> Result<String> {
        loop {
            let message = self.socket.next().await.context("closed")??;
            let Message::Text(text) = message else { continue };
            if let ServerFrame::Reply { outcome, .. } = ServerFrame::parse(&text) {
                return Ok(outcome.map_err(|refusal| anyhow!("refused: {refusal:?}"))?.0);
            }
        }
    }
}
