//! A connection to a server on this machine, with or without TLS: it reads and writes alike, waiting or not, as its socket does.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// Over this socket.
pub struct Stream<T> {
    socket: T,
    tls: Option<Box<ClientConnection>>,
}

impl<T> From<T> for Stream<T> {
    fn from(socket: T) -> Self {
        Self { socket, tls: None }
    }
}

impl Stream<TcpStream> {
    /// One that speaks TLS, to a server with this certificate and no other.
    ///
    /// # Errors
    /// That is no certificate.
    pub fn sealed(socket: TcpStream, certificate: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate)?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let mut tls = ClientConnection::new(Arc::new(config), "localhost".try_into()?)?;
        // Who loads the server keeps what it has under way small by itself.
        tls.set_buffer_limit(None);
        Ok(Self { socket, tls: Some(Box::new(tls)) })
    }
}

impl<T> Stream<T> {
    /// The socket below.
    pub fn socket(&mut self) -> &mut T {
        &mut self.socket
    }

    /// The socket below alone.
    pub fn into_socket(self) -> T {
        self.socket
    }

    /// The same over another kind of socket.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Stream<U> {
        Stream { socket: other(self.socket), tls: self.tls }
    }
}

impl<T: Read + Write> Read for Stream<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.socket).read(buffer),
            None => self.socket.read(buffer),
        }
    }
}

impl<T: Read + Write> Write for Stream<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => {
                // What the socket does not take now, the next flush or write brings.
                let taken = tls.writer().write(bytes)?;
                match self.flush() {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
                    Ok(()) | Err(_) => Ok(taken),
                }
            }
            None => self.socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            if tls.is_handshaking() {
                tls.complete_io(&mut self.socket)?;
            }
            while tls.wants_write() {
                tls.write_tls(&mut self.socket)?;
            }
        }
        self.socket.flush()
    }
}
