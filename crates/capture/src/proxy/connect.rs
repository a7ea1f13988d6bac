//! Connections to upstreams.

use std::{env, io, sync::Arc};

use rustls::{
    ClientConfig,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{Detour, Upstream};

/// A connection to an upstream.
#[derive(Debug)]
pub(super) enum Link {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Link {
    /// Makes that dropping the connection resets it, as the other side's was reset.
    pub(super) fn reset(self) {
        let tcp = match &self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        };
        reset(tcp);
    }
}

/// Makes that dropping a connection resets it. If the system refuses, it is closed.
pub(super) fn reset(tcp: &TcpStream) {
    let _ = tcp.set_zero_linger();
}

/// Connects to upstreams.
#[derive(Clone)]
pub(super) struct Connector {
    tls: TlsConnector,
}

impl Connector {
    /// Makes a connector that trusts what the system trusts, and what agents trust that bring their own certificates: those
    /// of Mozilla, and those in the file that `NODE_EXTRA_CA_CERTS` names.
    pub(super) fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let brought = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned().chain(extra_certificates());
        let verifier = Verifier::new_with_extra_roots(brought, Arc::clone(&provider))?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Connects to an upstream, through another proxy if there is a detour.
    pub(super) async fn connect(&self, upstream: &Upstream, detour: Option<&Detour>) -> io::Result<Link> {
        let tcp = match detour {
            None => TcpStream::connect((upstream.host(), upstream.port())).await?,
            Some(detour) => through(detour, upstream).await?,
        };
        // What a client sends in pieces goes on in these pieces, without a delay.
        tcp.set_nodelay(true)?;
        if !upstream.is_tls() {
            return Ok(Link::Plain(tcp));
        }
        let name = ServerName::try_from(upstream.host().to_owned()).map_err(io::Error::other)?;
        Ok(Link::Tls(Box::new(self.tls.connect(name, tcp).await?)))
    }
}

/// Returns the readable certificates of the file that `NODE_EXTRA_CA_CERTS` names. Node ignores the others, too.
fn extra_certificates() -> Vec<CertificateDer<'static>> {
    let path = env::var_os("NODE_EXTRA_CA_CERTS").filter(|path| !path.is_empty());
    let read = path.and_then(|path| CertificateDer::pem_file_iter(path).ok());
    read.map(|certificates| certificates.filter_map(Result::ok).collect()).unwrap_or_default()
}

/// Connects to an upstream through a proxy.
async fn through(detour: &Detour, upstream: &Upstream) -> io::Result<TcpStream> {
    const MAX_ANSWER_BYTES: usize = 16 << 10;
    let mut tcp = TcpStream::connect((detour.host(), detour.port())).await?;
    tcp.write_all(detour.request_for(upstream).as_bytes()).await?;
    // Byte by byte, because what follows the answer's head belongs to the upstream.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_ANSWER_BYTES {
            return Err(io::Error::other("the HTTP proxy of the environment gave no answer that ends"));
        }
        head.push(tcp.read_u8().await?);
    }
    let status = head.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    if status.first() != Some(&b'2') {
        let status = String::from_utf8_lossy(status);
        return Err(io::Error::other(format!("the HTTP proxy of the environment answered with status {status}")));
    }
    Ok(tcp)
}
