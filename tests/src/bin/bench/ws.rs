//! A WebSocket's client end (RFC 6455), as thin as it gets: whoever measures must not be what is slow.

use std::io::{Read, Write};

use anyhow::{Context, Result, bail};
use klatch_shared::wire::SUBPROTOCOL;

/// Text, in one frame.
pub const TEXT: u8 = 0x1;
/// The other end closes.
pub const CLOSE: u8 = 0x8;
/// The other end asks whether we live.
pub const PING: u8 = 0x9;
/// We do.
pub const PONG: u8 = 0xa;

/// Asks on a connection for `path`. What was read behind the answer comes back too.
///
/// # Errors
/// It is not answered with 101.
pub fn upgrade<S: Read + Write>(mut stream: S, port: u16, path: &str) -> Result<(S, Vec<u8>)> {
    stream.write_all(request(port, path).as_bytes())?;
    let mut held = Vec::new();
    let end = loop {
        if let Some(end) = end_of_head(&held) {
            break end;
        }
        read_some(&mut stream, &mut held)?;
    };
    if !held.starts_with(b"HTTP/1.1 101") {
        bail!("{path}: {}", String::from_utf8_lossy(&held));
    }
    held.drain(..end);
    Ok((stream, held))
}

/// What asks a server on this machine for a WebSocket.
pub fn request(port: u16, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )
}

/// Where the head of an answer ends, once it is whole.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4)
}

fn read_some(stream: &mut impl Read, held: &mut Vec<u8>) -> Result<()> {
    let mut chunk = [0; 16 * 1024];
    let count = stream.read(&mut chunk)?;
    if count == 0 {
        bail!("the server hung up");
    }
    held.extend_from_slice(&chunk[..count]);
    Ok(())
}

/// Appends a frame. The mask is zero, so that the payload stays as it is; the server unmasks it all the same.
pub fn put_frame(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length), _) if length < 126 => out.push(0x80 | length),
        (_, Ok(length)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// The first frame of what a server sent: its opcode and payload, and how many bytes it takes. `None` until it is whole.
pub fn first_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let [first, second, ..] = *bytes else { return None };
    let (length, start) = match second & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        length => (usize::from(length), 2),
    };
    let end = start + length;
    Some((first & 0x0f, bytes.get(start..end)?, end))
}

/// Waits for texts until one that `wanted` takes; what was read behind it comes back too.
///
/// # Errors
/// The server closes.
pub fn wait_for<T>(stream: &mut impl Read, held: &mut Vec<u8>, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
    loop {
        while let Some((opcode, payload, size)) = first_frame(held) {
            let text = String::from_utf8_lossy(payload).into_owned();
            held.drain(..size);
            match opcode {
                TEXT => {
                    if let Some(found) = wanted(&text) {
                        return Ok(found);
                    }
                }
                CLOSE => bail!("closed: {}", text.get(2..).unwrap_or_default()),
                _ => {}
            }
        }
        read_some(stream, held).context("waiting for a frame")?;
    }
}

/// Sends a text.
///
/// # Errors
/// The server is gone.
pub fn send(stream: &mut impl Write, text: &str) -> Result<()> {
    let mut frame = Vec::with_capacity(text.len() + 16);
    put_frame(&mut frame, TEXT, text.as_bytes());
    Ok(stream.write_all(&frame)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_sizes_are_read_once_they_are_whole() {
        for size in [0, 125, 126, 65_535, 65_536] {
            let mut bytes = Vec::new();
            put_frame(&mut bytes, TEXT, &vec![b'x'; size]);
            // A server's frame has no mask.
            let head = bytes.len() - size - 4;
            bytes.drain(head..head + 4);
            bytes[1] &= 0x7f;
            assert_eq!(
                first_frame(&bytes).map(|(_, payload, taken)| (payload.len(), taken)),
                Some((size, bytes.len()))
            );
            assert_eq!(first_frame(&bytes[..bytes.len() - 1]), None);
        }
    }
}
