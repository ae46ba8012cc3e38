//! What Klatch is compared with: the least that does the same, written as one would by hand.
//!
//! On warp, with the WebSocket upgraded by hand and small buffers as in Klatch: a frame is parsed, forwarded to the member
//! that it is addressed to, and acknowledged. Nothing is proven, bounded, paced, sealed or remembered. A bare page uses the
//! same relay (`page.js`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use warp::Filter;
use warp::http::{HeaderMap, Response, StatusCode, header};

/// Asks this program to be the floor.
pub const VERB: &str = "floor-server";
/// What it says before the URL, once it serves.
pub const GREETING: &str = "floor listening on ";

const READ_BUFFER: usize = 4 * 1024;
const WRITE_BUFFER: usize = 16 * 1024;

type Members = HashMap<String, UnboundedSender<Utf8Bytes>>;
type Rooms = Arc<Mutex<HashMap<String, Members>>>;

/// What a member sends.
#[derive(Deserialize)]
struct Request<'a> {
    id: i64,
    #[serde(borrow)]
    verb: Cow<'a, str>,
    #[serde(borrow)]
    member: Option<Cow<'a, str>>,
    #[serde(borrow)]
    to: Option<Cow<'a, str>>,
    exchange: Option<u32>,
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
}

/// What its receiver gets.
#[derive(Serialize)]
struct Event<'a> {
    event: &'a str,
    from: &'a str,
    exchange: Option<u32>,
    body: Option<Cow<'a, str>>,
}

/// Serves until it is killed.
///
/// # Errors
/// No port is free.
pub async fn serve() -> Result<()> {
    // A runtime like Klatch's: as many threads as there are cores.
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(listen())
    })
    .join()
    .unwrap_or_else(|_| Err(anyhow::anyhow!("it panicked")))
}

async fn listen() -> Result<()> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    // Accepted sockets inherit it.
    socket.set_nodelay(true)?;
    socket.bind("127.0.0.1:0".parse()?)?;
    let listener = socket.listen(1024)?;
    println!("{GREETING}http://localhost:{}", listener.local_addr()?.port());
    let rooms = Rooms::default();
    let page = warp::path!("r" / String).map(|_| warp::reply::html(include_str!("page.html")));
    let script = warp::path!("page.js")
        .map(|| warp::reply::with_header(include_str!("page.js"), header::CONTENT_TYPE, "text/javascript"));
    let socket = warp::path!("ws" / String)
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<OnUpgrade>())
        .map(move |room, headers: HeaderMap, upgrade| switch(rooms.clone(), room, &headers, upgrade));
    warp::serve(page.or(script).or(socket)).incoming(listener).run().await;
    Ok(())
}

/// From HTTP to a WebSocket.
fn switch(rooms: Rooms, room: String, headers: &HeaderMap, upgrade: OnUpgrade) -> Response<String> {
    let key = headers.get(header::SEC_WEBSOCKET_KEY).map(|key| key.as_bytes().to_owned()).unwrap_or_default();
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER).write_buffer_size(WRITE_BUFFER);
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        converse(rooms, &room, socket).await;
    });
    let mut answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(&key));
    if let Some(protocol) = headers.get(header::SEC_WEBSOCKET_PROTOCOL) {
        answer = answer.header(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    answer.body(String::new()).expect("these are headers")
}

async fn converse(rooms: Rooms, room: &str, mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>) {
    let (outbox, mut queue) = unbounded_channel::<Utf8Bytes>();
    let mut me = String::new();
    loop {
        tokio::select! {
            Some(text) = queue.recv() => {
                let mut sent = socket.feed(Message::Text(text)).await;
                while let (Ok(()), Ok(text)) = (&sent, queue.try_recv()) {
                    sent = socket.feed(Message::Text(text)).await;
                }
                if sent.is_err() || socket.flush().await.is_err() {
                    break;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let Ok(request) = serde_json::from_str::<Request<'_>>(&text) else { break };
                    answer(&rooms, room, &mut me, &outbox, request);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
        }
    }
    let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(members) = rooms.get_mut(room) {
        members.remove(&me);
        if members.is_empty() {
            rooms.remove(room);
        }
    }
}

fn answer(rooms: &Rooms, room: &str, me: &mut String, outbox: &UnboundedSender<Utf8Bytes>, request: Request<'_>) {
    let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
    let Request { id, verb, member, to, exchange, body } = request;
    let reply = match (&*verb, member, to) {
        ("join", Some(member), _) => {
            let members = rooms.entry(room.to_owned()).or_default();
            let others: Vec<_> = members.keys().cloned().collect();
            *me = member.into_owned();
            members.insert(me.clone(), outbox.clone());
            json!({ "id": id, "ok": { "members": others } }).to_string()
        }
        (verb, _, Some(to)) => {
            if let Some(receiver) = rooms.get(room).and_then(|members| members.get(&*to)) {
                let event = serde_json::to_string(&Event { event: verb, from: me, exchange, body });
                let _ = receiver.send(event.expect("an event is plain data").into());
            }
            format!(r#"{{"id":{id},"ok":{{}}}}"#)
        }
        // How many are inside, for who has not joined yet.
        (_, _, None) => {
            let present = rooms.get(room).map_or(0, HashMap::len);
            format!(r#"{{"id":{id},"ok":{{"present":{present}}}}}"#)
        }
    };
    let _ = outbox.send(reply.into());
}
