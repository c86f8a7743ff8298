//! How are requests sent? A few connections that are kept, as kube-apiserver keeps them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Failure;

/// Connections that are used in turns.
const CONNECTIONS: usize = 4;
/// Longer than anything here takes; a hang ends the run instead of blocking it.
const PATIENCE: Duration = Duration::from_secs(20);

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Opens connections to servers of one authority.
#[derive(Clone)]
pub(crate) struct Dialer(Arc<ClientConfig>);

impl Dialer {
    /// Trusts the authority of this file alone.
    pub(crate) fn trusting(ca: &std::path::Path) -> Result<Self, Failure> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca)? {
            roots.add(certificate?)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// One connection, as soon as the server listens.
    pub(crate) fn dial(&self, addr: SocketAddr) -> Result<Tls, Failure> {
        let began = Instant::now();
        let socket = loop {
            match TcpStream::connect(addr) {
                Ok(socket) => break socket,
                Err(error) if began.elapsed() > PATIENCE => return Err(error.into()),
                Err(_not_yet) => std::thread::yield_now(),
            }
        };
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let name = ServerName::try_from("localhost")?;
        let session = ClientConnection::new(Arc::clone(&self.0), name)?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// The connections of one load.
    pub(crate) fn client(&self, addr: SocketAddr) -> Result<Client, Failure> {
        let connections = (0..CONNECTIONS).map(|_| self.dial(addr));
        Ok(Client {
            connections: connections.collect::<Result<_, _>>()?,
            buffer: vec![0; 64 << 10],
        })
    }
}

/// A bounded load: every connection has one request under way, then the next one.
pub(crate) struct Client {
    connections: Vec<Tls>,
    buffer: Vec<u8>,
}

impl Client {
    /// Sends the request on every connection and reads all answers, `rounds` times. Returns how
    /// many requests that were.
    pub(crate) fn run(&mut self, request: &[u8], rounds: usize) -> Result<usize, Failure> {
        for _ in 0..rounds {
            for connection in &mut self.connections {
                connection.write_all(request)?;
                connection.flush()?;
            }
            for connection in &mut self.connections {
                let status = answer(connection, &mut self.buffer)?;
                if status != 200 {
                    return Err(format!("a request was answered with {status}").into());
                }
            }
        }
        Ok(rounds * self.connections.len())
    }
}

/// A review as kube-apiserver sends it.
pub(crate) fn request(body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /mutate?timeout=10s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kube-apiserver-admission\r\n\
         Content-Length: {}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n\
         Accept-Encoding: gzip\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Reads one answer whole and returns its status.
pub(crate) fn answer(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<u16> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer");
    let mut filled = 0;
    let mut whole = None;
    while whole.is_none_or(|whole| filled < whole) {
        let read = stream.read(buffer.get_mut(filled..).unwrap_or_default())?;
        if read == 0 {
            return Err(broken());
        }
        filled += read;
        if whole.is_none() {
            whole = length(&buffer[..filled]);
        }
    }
    let status = buffer.get(9..12).and_then(|s| std::str::from_utf8(s).ok());
    status.and_then(|s| s.parse().ok()).ok_or_else(broken)
}

/// Bytes of head and body together, once the head is there.
fn length(read: &[u8]) -> Option<usize> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&read[..end]).ok()?;
    let line = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("content-length:"))?;
    Some(end + line.split(':').nth(1)?.trim().parse::<usize>().ok()?)
}
