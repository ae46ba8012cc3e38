//! From the start of the program to its first page, beside a floor that only binds and answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use klatch_tests::broker::program;

use super::stream::Stream;
use super::table::{Table, Target};
use super::{http, turn};

/// Asks this program to be the floor.
pub const VERB: &str = "bare-server";
/// What it says before the URL, once it serves; as Klatch does.
const GREETING: &str = " listening on ";
/// In milliseconds.
const TARGET: f64 = 200.0;

/// Answers everybody with a word, until it is killed.
///
/// # Errors
/// No port is free.
pub fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("floor{GREETING}http://localhost:{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let mut stream = stream?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            request.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: close\r\n\r\nok\n")?;
    }
    Ok(())
}

/// Starts all of them in turns.
///
/// # Errors
/// One does not serve.
pub async fn bench(rounds: usize) -> Result<Table> {
    let folder = std::env::temp_dir().join(format!("klatch-bench-{}", std::process::id()));
    let (certificate, key) = turn::certificate()?;
    let state = folder.join("rooms.klatch");
    let mut everything = klatch()?;
    everything.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key).arg("--state").arg(&state);
    everything.args(["--turn", "--turn-listen", "127.0.0.1:0"]);
    let mut floor = Command::new(std::env::current_exe()?);
    floor.arg(VERB);
    let mut starts = [klatch()?, everything, floor].map(|command| (command, Vec::new()));
    // The first round reads all of them from the disk.
    for round in 0..=rounds {
        for turn in 0..starts.len() {
            let (command, figures) = &mut starts[(round + turn) % 3];
            let took = first_page(command)?;
            if round > 0 {
                figures.push(took.as_secs_f64() * 1e3);
            }
        }
    }
    let _ = std::fs::remove_dir_all(folder);
    let [(_, bare), (_, whole), (_, floor)] = starts;
    let mut table = Table::new(format!("start: from the start of the program to its first page, {rounds} rounds"));
    table.compare("as it comes, ms", 1, &bare, &floor, Target::Most(TARGET));
    table.compare("with TLS, --state and --turn, ms", 1, &whole, &floor, Target::Most(TARGET));
    Ok(table)
}

fn klatch() -> Result<Command> {
    let mut command = Command::new(program()?);
    command.args(["--listen", "127.0.0.1:0"]);
    Ok(command)
}

/// Killed when dropped.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn first_page(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut started = Started(command.spawn().context("it can't be started")?);
    let mut line = String::new();
    BufReader::new(started.0.stdout.take().context("it was piped")?).read_line(&mut line)?;
    let url = line.trim_end().split_once(GREETING).with_context(|| format!("it says {line:?}"))?.1;
    let port = url.rsplit(':').next().context("a port")?.parse()?;
    let socket = TcpStream::connect(("127.0.0.1", port))?;
    let stream =
        if url.starts_with("https:") { Stream::sealed(socket, &turn::certificate()?.0)? } else { socket.into() };
    http::ask(stream, port, "/", "br")?;
    Ok(begun.elapsed())
}
