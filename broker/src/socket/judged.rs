//! What an outside judge says of the WebSocket: Autobahn's test suite, which wants its own words back.
//!
//! Members' sockets answer verbs and close on everything else. So what serves them is judged with an echo in place of the conversation:
//! the same handshake and the same wire, on a real socket, with room for the suite's longest messages.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Parts, on};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use warp::http::{Request, Response, StatusCode};

use super::backlog::Backlog;
use super::outbox::{Outbox, text_frame};
use super::upgrade::Handshake;
use super::wire::{Incident, Wire};
use crate::limits::Limits;

/// The longest message of the suite.
const LONGEST: usize = 16 * 1024 * 1024;
/// The suite has some five hundred.
const LEAST_CASES: usize = 500;
/// What is no failure: as it should be, or left to either side, or an extension that neither of us wants.
const FINE: [&str; 4] = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED"];

#[tokio::test]
#[ignore = "an outside judge: `./build.sh test all` installs it"]
async fn autobahn_finds_no_failure() {
    let judge = std::env::var_os("KLATCH_WSTEST").expect("KLATCH_WSTEST names Autobahn's wstest");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("bound"));
    let serving = tokio::spawn(serve(listener));
    let reports = Folder(std::env::temp_dir().join(format!("klatch-autobahn-{}", std::process::id())));
    std::fs::create_dir_all(&reports.0).expect("a place for files");
    let spec = json!({
        "outdir": reports.0,
        "servers": [{ "agent": "klatch", "url": url, "protocols": ["klatch.v1"] }],
        "cases": ["*"], "exclude-cases": [], "exclude-agent-cases": {},
    });
    let file = reports.0.join("spec.json");
    std::fs::write(&file, spec.to_string()).expect("written");
    let mut suite = Command::new(judge);
    suite.args(["--mode", "fuzzingclient", "--spec"]).arg(&file).current_dir(&reports.0).stdin(Stdio::null());
    let ended = suite.kill_on_drop(true).output().await.expect("it runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    serving.abort();

    let index = std::fs::read(reports.0.join("index.json")).expect("a report");
    let index: Value = serde_json::from_slice(&index).expect("JSON");
    let cases = index["klatch"].as_object().expect("what was found of each case");
    let failed: Vec<_> = cases.iter().filter(|(_, found)| !is_fine(found)).collect();
    assert!(failed.is_empty() && cases.len() >= LEAST_CASES, "{} of {}: {failed:#?}", failed.len(), cases.len());
}

fn is_fine(found: &Value) -> bool {
    ["behavior", "behaviorClose"].iter().all(|aspect| found[aspect].as_str().is_some_and(|word| FINE.contains(&word)))
}

/// Gone with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = service_fn(async |mut request: Request<Incoming>| Ok::<_, hyper::Error>(open(&mut request)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
    }
}

fn open(request: &mut Request<Incoming>) -> Response<String> {
    let upgrade = on(&mut *request);
    let mut answer = Response::new(String::new());
    match Handshake::parse(request.headers()) {
        Ok(handshake) => {
            tokio::spawn(echo(upgrade));
            *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            answer.headers_mut().extend(handshake.headers());
        }
        Err(_) => *answer.status_mut() = StatusCode::BAD_REQUEST,
    }
    answer
}

/// Says everything that it hears.
async fn echo(upgrade: OnUpgrade) {
    let upgraded = upgrade.await.expect("an upgrade was asked for");
    let Ok(Parts { io, read_buf, .. }) = upgraded.downcast::<TokioIo<TcpStream>>() else { panic!("another stream") };
    let limits = Limits { queue_frames: u32::MAX, queue_bytes: u32::MAX, backlog_bytes: u32::MAX, ..Limits::default() };
    let outbox = Outbox::new(&limits, &Backlog::new(&limits), &Arc::default());
    let mut wire = Wire::taking(LONGEST, io.into_inner(), read_buf.to_vec(), outbox.clone()).await;
    let end = loop {
        match wire.next().await {
            Incident::Text(text) => outbox.push(text_frame(text.to_string())),
            Incident::Binary(bytes) => outbox.push(binary_frame(bytes)),
            Incident::Other(_) | Incident::Taken | Incident::Written => {}
            Incident::End(end) => break end,
        }
    };
    wire.close(end).await;
}

fn binary_frame(bytes: Bytes) -> Frame {
    Frame::message(bytes, OpCode::Data(Data::Binary), true)
}
