//! Scripted peers on raw connections.

use std::{io, net::Ipv4Addr, time::Duration};

use rollout_trace_capture::{Proxy, Tap, Upstream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// What a peer does with its connection, step by step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Waits until so many bytes have arrived in all.
    Await(usize),
    /// Waits until these bytes have arrived after all that earlier steps waited for.
    AwaitText(&'static str),
    /// Ends its side, and goes on reading.
    HalfClose,
    /// Reads until the other side ends.
    ReadToEnd,
    /// Resets the connection.
    Reset,
}

/// How the other side's direction ended, as a peer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    /// The peer did not wait for it.
    Unseen,
}

/// What a peer saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saw {
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) end: End,
}

/// Two scripts, of a client and a server.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) client: Vec<Step>,
    pub(crate) server: Vec<Step>,
    /// How many bytes a peer writes at once.
    pub(crate) piece: usize,
}

/// Where the client's requests begin, in its script.
pub(crate) const BASE: &str = "{base}";
/// The host that its requests name, in its script.
pub(crate) const HOST: &str = "{host}";

pub(crate) fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

/// Plays a script on a connection.
async fn play(mut peer: TcpStream, steps: Vec<Step>, piece: usize) -> Saw {
    peer.set_nodelay(true).expect("a connection has options");
    let (mut bytes, mut end, mut awaited) = (Vec::new(), End::Unseen, 0);
    for step in steps {
        let played = async {
            match step {
                Step::Send(text) => {
                    for piece in text.chunks(piece) {
                        peer.write_all(piece).await?;
                    }
                }
                Step::Await(count) => {
                    while bytes.len() < count {
                        more(&mut peer, &mut bytes).await?;
                    }
                }
                Step::AwaitText(text) => {
                    awaited += loop {
                        if let Some(at) = find(&bytes[awaited..], text.as_bytes()) {
                            break at + text.len();
                        }
                        more(&mut peer, &mut bytes).await?;
                    };
                }
                Step::HalfClose => peer.shutdown().await?,
                Step::ReadToEnd => while peer.read_buf(&mut bytes).await? > 0 {},
                Step::Reset => return Ok(true),
            }
            io::Result::Ok(false)
        };
        match timeout(Duration::from_secs(60), played).await.expect("no step waits for ever") {
            Ok(false) => end = End::Closed,
            Ok(true) => {
                peer.set_zero_linger().expect("a connection has options");
                end = End::Unseen;
                break;
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => end = End::Closed,
            Err(_) => {
                end = End::Reset;
                break;
            }
        }
    }
    Saw { text: String::from_utf8_lossy(&bytes).into_owned(), bytes, end }
}

async fn more(peer: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<()> {
    match peer.read_buf(bytes).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

impl Scene {
    /// Plays the scene. Returns what the server saw and what the client saw.
    pub(crate) async fn play(&self, tap: Option<Tap>) -> (Saw, Saw) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let upstream = Upstream::parse("x", &format!("http://{address}/v1")).expect("an address");
        let proxy = tap.map(|tap| Proxy::start(vec![upstream], |_| None, tap).expect("a proxy"));
        let (base, host) = match &proxy {
            Some(proxy) => {
                let host = proxy.address().to_string();
                (proxy.base_url("x").replace(&format!("http://{host}"), ""), host)
            }
            None => ("/v1".to_owned(), address.to_string()),
        };
        let target = proxy.as_ref().map_or(address, Proxy::address);
        let fill = |step: &Step| match step {
            Step::Send(bytes) => match str::from_utf8(bytes) {
                Ok(text) => send(text.replace(BASE, &base).replace(HOST, &host)),
                Err(_) => step.clone(),
            },
            other => other.clone(),
        };
        let client: Vec<Step> = self.client.iter().map(fill).collect();
        let (server_steps, piece) = (self.server.clone(), self.piece);
        let server = tokio::spawn(async move {
            let accepted = timeout(Duration::from_secs(60), listener.accept()).await;
            let (peer, _) = accepted.expect("a client comes").expect("a client");
            play(peer, server_steps, piece).await
        });
        let client = play(TcpStream::connect(target).await.expect("the port is open"), client, piece).await;
        let mut server = server.await.expect("the server ends");
        server.text = server.text.replace(&address.to_string(), "UPSTREAM");
        server.bytes = server.text.as_bytes().to_vec();
        if let Some(proxy) = proxy {
            tokio::task::spawn_blocking(move || proxy.stop(Duration::from_secs(5))).await.expect("the proxy stops");
        }
        (server, client)
    }
}

/// Plays a scene without and with the proxy, in several pieces, and compares what both sides saw.
pub(crate) async fn check(name: &str, client: Vec<Step>, server: Vec<Step>) {
    for piece in [usize::MAX, 7, 1] {
        let scene = Scene { client: client.clone(), server: server.clone(), piece };
        let direct = scene.play(None).await;
        let (tap, _feed) = Tap::open();
        let passed = scene.play(Some(tap)).await;
        assert_eq!(passed, direct, "{name}, in pieces of {piece}");
    }
}
