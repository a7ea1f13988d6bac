//! The proxy: its port, and its connections.

mod answers;
mod buffer;
mod connect;
mod framing;
mod gate;
mod head;
mod session;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{self, Runtime},
    sync::watch,
    time::{sleep, timeout},
};
use uuid::Uuid;

pub use self::head::Headers;
use self::{
    answers::Queue,
    buffer::Buffer,
    connect::{Connector, Link, reset},
    gate::{Gate, answer},
    head::RequestHead,
    session::{Admitted, Arrival, Session, SessionEnd, next_head},
};
use crate::{
    Detour, Tap, Upstream,
    tap::{ExchangeEnd, What},
};

/// How long the proxy waits before it accepts again if the system refuses another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// How long a client may take to read why it was refused.
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// A reverse proxy on the loopback interface.
///
/// A request for `http://127.0.0.1:PORT/KEY/NAME/REST` goes to the upstream NAME as a request for REST. Nothing else
/// changes: see the crate's documentation. Dropping the proxy stops it and ends its connections.
///
/// ```
/// use rollout_trace_capture::{Proxy, Tap, Upstream};
///
/// let upstreams = vec![Upstream::parse("anthropic", "https://api.anthropic.com")?];
/// let proxy = Proxy::start(upstreams, |_| None, Tap::closed())?;
/// assert!(proxy.base_url("anthropic").starts_with("http://127.0.0.1:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    key: String,
    /// `None` once the proxy was stopped.
    runtime: Option<Runtime>,
    /// Has a receiver for each connection and one for the listener.
    stop: watch::Sender<bool>,
}

/// The proxy cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The certificates of the system cannot be used.
    #[error("the certificates of the system cannot be used")]
    Certificates(#[source] rustls::Error),
    /// OS threads or the port are not to be had.
    #[error("no port of 127.0.0.1 can be served")]
    Port(#[source] io::Error),
}

/// What all connections share.
struct Shared {
    gate: Gate,
    connector: Connector,
    /// The detour of each upstream, in their order.
    detours: Vec<Option<Detour>>,
    tap: Tap,
}

impl Proxy {
    /// Starts a proxy with a key of its own on a free port of 127.0.0.1. `detour` returns the HTTP proxy through which an
    /// upstream is reached, if any.
    ///
    /// # Errors
    ///
    /// The system gives no port, no OS threads or no certificates.
    pub fn start(
        upstreams: Vec<Upstream>,
        detour: impl Fn(&Upstream) -> Option<Detour>,
        tap: Tap,
    ) -> Result<Self, ProxyError> {
        let connector = Connector::new().map_err(ProxyError::Certificates)?;
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("capture")
            .enable_all()
            .build()
            .map_err(ProxyError::Port)?;
        let listener = {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(ProxyError::Port)?;
            listener.set_nonblocking(true).map_err(ProxyError::Port)?;
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(ProxyError::Port)?
        };
        let address = listener.local_addr().map_err(ProxyError::Port)?;
        let key = Uuid::new_v4().simple().to_string();
        let detours = upstreams.iter().map(detour).collect();
        let gate = Gate { key: key.clone(), port: address.port(), upstreams };
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(accept(listener, Arc::new(Shared { gate, connector, detours, tap }), stopped));
        Ok(Self { address, key, runtime: Some(runtime), stop })
    }

    /// Returns the address of the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL that stands for an upstream. Who knows it can send requests there.
    pub fn base_url(&self, name: &str) -> String {
        format!("http://{}/{}/{name}", self.address, self.key)
    }

    /// Accepts no more connections, gives those that there are some time to end, and then ends them.
    pub fn stop(mut self, time: Duration) {
        if let Some(runtime) = self.runtime.take() {
            let _ = self.stop.send(true);
            runtime.block_on(async {
                let _ = timeout(time, self.stop.closed()).await;
            });
            // Dropping the runtime drops all connections, and with them the last exchanges end.
            runtime.shutdown_timeout(time);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => return,
        };
        match accepted {
            Ok((client, _)) => {
                let (shared, alive) = (Arc::clone(&shared), stopped.clone());
                tokio::spawn(async move {
                    serve(client, &shared).await;
                    drop(alive);
                });
            }
            // There are too many open files, or the client is gone already.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Serves a connection of a client until its end.
async fn serve(mut client: TcpStream, shared: &Shared) {
    if client.set_nodelay(true).is_err() {
        return;
    }
    let mut buffer = Buffer::default();
    let mut arrival = next_head(&mut client, &mut buffer).await;
    loop {
        let head = match arrival {
            Ok(Arrival::Head(head)) => head,
            Ok(Arrival::NoHead(error)) => {
                let text = format!("rollout-trace record: {error}\n");
                return refuse(client, &answer("400 Bad Request", &text)).await;
            }
            Ok(Arrival::Closed) | Err(_) => return,
        };
        let request = match shared.gate.admit(&head) {
            Ok((upstream, target)) => Admitted { upstream, target, head },
            Err(refusal) => return refuse(client, &refusal.answer()).await,
        };
        let place = shared.gate.upstreams.iter().position(|upstream| upstream.name() == request.upstream.name());
        let detour = place.and_then(|place| shared.detours[place].as_ref());
        let mut link = match shared.connector.connect(&request.upstream, detour).await {
            Ok(link) => link,
            Err(error) => {
                let exchange = request.begin(&shared.tap);
                let authority = request.upstream.authority();
                let broke = format!("{authority} cannot be reached: {error}");
                exchange.put(What::End(ExchangeEnd::UpstreamBroke(broke)));
                // Without the proxy, there would be no connection. No status says so, because clients would take it for
                // the provider's.
                return reset(&client);
            }
        };
        let upstream = request.upstream.clone();
        let may_follow = |head: RequestHead| match shared.gate.admit(&head) {
            Ok((next, target)) if next == upstream => Ok(Admitted { upstream: next, target, head }),
            _ => Err(Box::new(head)),
        };
        let session = Session { queue: Queue::default(), tap: &shared.tap, admit: &may_follow };
        let (read, write) = client.split();
        let end = match &mut link {
            Link::Plain(tcp) => session.run((read, write), tcp.split(), &mut buffer, request).await,
            Link::Tls(tls) => session.run((read, write), tokio::io::split(tls), &mut buffer, request).await,
        };
        match end {
            SessionEnd::Closed => return,
            SessionEnd::ResetClient => return reset(&client),
            SessionEnd::ResetUpstream => return link.reset(),
            SessionEnd::Next(next) => arrival = Ok(next),
        }
    }
}

/// Answers a request that is not passed on, and ends the connection in a way that lets the client read the answer.
async fn refuse(mut client: TcpStream, answer: &[u8]) {
    let said = async {
        client.write_all(answer).await?;
        client.shutdown().await?;
        // Closing with bytes unread would reset the connection, and the client might lose the answer.
        let mut ignored = [0; 4096];
        while client.read(&mut ignored).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(REFUSAL_TIME, said).await;
}
