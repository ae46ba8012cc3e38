//! One HTTP request at a time, for what the size of an answer is.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// An answer as it came over the wire.
pub struct Answer {
    /// Header names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Not decoded.
    pub body: Vec<u8>,
    /// All of it, head and body.
    pub bytes: usize,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Fetches `path` from a server on this machine, as one connection that ends with the answer.
///
/// # Errors
/// It does not answer with 200.
pub fn get(port: u16, path: &str, accept_encoding: &str) -> Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    ask(stream, port, path, accept_encoding)
}

/// The same over a connection that is there already.
///
/// # Errors
/// It is not answered with 200.
pub fn ask(mut stream: impl Read + Write, port: u16, path: &str, accept_encoding: &str) -> Result<Answer> {
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept-Encoding: {accept_encoding}\r\nConnection: close\r\n\r\n"
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("the answer's head has no end")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        bail!("{path}: {status}");
    }
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
    let size = bytes.len();
    Ok(Answer { headers, body: bytes.split_off(end + 4), bytes: size })
}
