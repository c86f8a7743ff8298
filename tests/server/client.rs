//! Small clients: HTTP/1.1 by hand over real TLS, so that tests can send what no library would.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use sidebox::pki::Leaf;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::within;

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }
}

/// What a client offers in its handshake.
pub(crate) struct Offer<'a> {
    pub(crate) ca_pem: &'a str,
    pub(crate) versions: &'a [&'static SupportedProtocolVersion],
    pub(crate) alpn: &'a [&'a str],
    pub(crate) identity: Option<&'a Leaf>,
}

impl<'a> Offer<'a> {
    /// What kube-apiserver offers for a Service.
    pub(crate) fn usual(ca_pem: &'a str) -> Self {
        Self {
            ca_pem,
            versions: rustls::ALL_VERSIONS,
            alpn: &["http/1.1"],
            identity: None,
        }
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.ca_pem.as_bytes()).unwrap())
            .unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.identity {
            None => config.with_no_client_auth(),
            Some(leaf) => {
                let cert = CertificateDer::from_pem_slice(leaf.cert_pem.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).unwrap();
                config.with_client_auth_cert(vec![cert], key).unwrap()
            }
        };
        config.alpn_protocols = self
            .alpn
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        config
    }
}

/// One TLS connection to the webhook port.
pub(crate) struct Client {
    pub(crate) stream: TlsStream<TcpStream>,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr, ca_pem: &str) -> io::Result<Self> {
        Self::offer(addr, &Offer::usual(ca_pem)).await
    }

    pub(crate) async fn offer(addr: SocketAddr, offer: &Offer<'_>) -> io::Result<Self> {
        Self::over(TcpStream::connect(addr).await?, offer).await
    }

    pub(crate) async fn over(stream: TcpStream, offer: &Offer<'_>) -> io::Result<Self> {
        let connector = TlsConnector::from(Arc::new(offer.config()));
        let name = ServerName::try_from("localhost").unwrap();
        Ok(Self {
            stream: within(connector.connect(name, stream)).await?,
        })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    pub(crate) async fn reply(&mut self) -> io::Result<Reply> {
        within(read_reply(&mut self.stream)).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &[u8]) -> io::Result<Reply> {
        let mut request = head(path, body.len()).into_bytes();
        request.extend_from_slice(body);
        self.send(request).await?;
        self.reply().await
    }

    /// Everything until the server ends the connection, in good order or not.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // How the connection ended is not of interest, only that it did and what came before.
        let _ = within(self.stream.read_to_end(&mut rest)).await;
        rest
    }

    /// The certificate that the server showed, in DER.
    pub(crate) fn server_certificate(&self) -> Vec<u8> {
        self.stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

/// A request's head with a `Content-Length`.
pub(crate) fn head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: sidebox.sidebox.svc\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// A request's head without a length; the body comes in chunks.
pub(crate) fn chunked_head(path: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: sidebox.sidebox.svc\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    )
}

/// A request to the plain port.
pub(crate) async fn get(addr: SocketAddr, path: &str) -> Reply {
    try_get(addr, path).await.unwrap()
}

pub(crate) async fn try_get(addr: SocketAddr, path: &str) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: sidebox\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    within(read_reply(&mut stream)).await
}

async fn read_reply(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Reply> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply {
        status,
        head,
        body: Vec::new(),
    };
    let length = reply
        .header("content-length")
        .map_or(0, |value| value.parse().unwrap());
    reply.body.resize(length, 0);
    stream.read_exact(&mut reply.body).await?;
    Ok(reply)
}
