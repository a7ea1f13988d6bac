//! One connection of a client and the connection to the upstream that belongs to it.
//!
//! Each connection of a client has a connection to the upstream of its own, so whatever either side does to its
//! connection can be done to the other: bytes go on as they come, an end as an end, a reset as a reset. In the direction
//! of the upstream, the heads of requests are rewritten; in the other direction, nothing is, and what passes is looked at
//! after it was passed on.

use std::{io, pin::pin};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    select,
};

use super::{
    answers::{Answers, Pending, Queue},
    buffer::{Buffer, READ_BYTES},
    framing::Framing,
    head::{HeadError, RequestHead},
};
use crate::{
    Upstream,
    tap::{Body, ExchangeEnd, RequestSeen, Tap, TappedExchange, What},
};

/// A request that may go to an upstream.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) head: RequestHead,
    pub(super) upstream: Upstream,
    /// The target at the upstream.
    pub(super) target: String,
}

/// What a client sent where a request's head is expected.
#[derive(Debug)]
pub(super) enum Arrival {
    Head(RequestHead),
    /// No head, and what is wrong with it.
    NoHead(HeadError),
    /// The end of the client's side.
    Closed,
}

/// How a session ended, with what is left to do.
#[derive(Debug)]
pub(super) enum SessionEnd {
    /// Both sides are closed.
    Closed,
    /// The upstream's side is broken: the client's has to be reset.
    ResetClient,
    /// The client's side is broken: the upstream's has to be reset.
    ResetUpstream,
    /// All answers are complete, and the client sent something that is not for this upstream.
    Next(Arrival),
}

/// How the direction to the upstream ended.
enum ToUpstream {
    ClientClosed,
    ClientBroke,
    UpstreamBroke,
    Next(Arrival),
}

/// How the direction to the client ended.
enum ToClient {
    UpstreamClosed,
    UpstreamBroke,
    ClientBroke,
}

/// Reads the next request's head.
pub(super) async fn next_head(client: &mut (impl AsyncRead + Unpin), buffer: &mut Buffer) -> io::Result<Arrival> {
    let mut searched = 0;
    loop {
        match RequestHead::find(buffer.unused(), searched) {
            Ok(Some((head, length))) => {
                buffer.consume(length);
                return Ok(Arrival::Head(head));
            }
            Ok(None) => {}
            Err(error) => return Ok(Arrival::NoHead(error)),
        }
        searched = buffer.unused().len();
        if buffer.read_from(client).await? == 0 {
            return Ok(Arrival::Closed);
        }
    }
}

impl Admitted {
    /// Begins the exchange of this request.
    pub(super) fn begin(&self, tap: &Tap) -> TappedExchange {
        tap.begin(|| RequestSeen {
            upstream: self.upstream.name().to_owned(),
            method: self.head.method.clone(),
            target: self.target.clone(),
            headers: self.head.headers.clone(),
        })
    }
}

/// The parts of a session that its two directions share.
pub(super) struct Session<'s> {
    pub(super) queue: Queue,
    pub(super) tap: &'s Tap,
    /// Decides whether a request may go to the upstream of this session, and otherwise returns it.
    pub(super) admit: &'s (dyn Fn(RequestHead) -> Result<Admitted, Box<RequestHead>> + Send + Sync),
}

impl Session<'_> {
    /// Passes everything on in both directions, beginning with a request, until an end of the session.
    pub(super) async fn run(
        &self,
        client: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        upstream: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        buffer: &mut Buffer,
        first: Admitted,
    ) -> SessionEnd {
        let mut to_upstream = pin!(self.to_upstream(client.0, upstream.1, buffer, first));
        let mut to_client = pin!(self.to_client(upstream.0, client.1));
        // The end of each direction, once it has one. A broken connection ends both.
        let (mut requests_end, mut answers_end) = (None, None);
        loop {
            select! {
                end = &mut to_upstream, if requests_end.is_none() => match end {
                    ToUpstream::Next(arrival) => return SessionEnd::Next(arrival),
                    ToUpstream::ClientBroke => return self.client_broke(),
                    ToUpstream::ClientClosed | ToUpstream::UpstreamBroke => requests_end = Some(()),
                },
                end = &mut to_client, if answers_end.is_none() => match end {
                    ToClient::UpstreamBroke => return SessionEnd::ResetClient,
                    ToClient::ClientBroke => return self.client_broke(),
                    ToClient::UpstreamClosed => answers_end = Some(()),
                },
            }
            if requests_end.is_some() && answers_end.is_some() {
                let how = "the upstream had closed the connection before the request".to_owned();
                self.queue.end_all(&ExchangeEnd::UpstreamBroke(how));
                return SessionEnd::Closed;
            }
        }
    }

    fn client_broke(&self) -> SessionEnd {
        self.queue.end_all(&ExchangeEnd::ClientClosed);
        SessionEnd::ResetUpstream
    }

    async fn to_upstream(
        &self,
        mut client: impl AsyncRead + Unpin,
        mut upstream: impl AsyncWrite + Unpin,
        buffer: &mut Buffer,
        first: Admitted,
    ) -> ToUpstream {
        let mut next = first;
        loop {
            if let Err(end) = self.request(&mut client, &mut upstream, buffer, next).await {
                return end;
            }
            next = match next_head(&mut client, buffer).await {
                Err(_) => return ToUpstream::ClientBroke,
                Ok(Arrival::Closed) if buffer.unused().is_empty() => return self.close(&mut upstream).await,
                Ok(Arrival::Head(head)) => match (self.admit)(head) {
                    Ok(admitted) => admitted,
                    Err(head) => {
                        self.queue.all_answered().await;
                        return ToUpstream::Next(Arrival::Head(*head));
                    }
                },
                Ok(other) => {
                    self.queue.all_answered().await;
                    return ToUpstream::Next(other);
                }
            };
        }
    }

    /// Passes on one request.
    async fn request(
        &self,
        client: &mut (impl AsyncRead + Unpin),
        upstream: &mut (impl AsyncWrite + Unpin),
        buffer: &mut Buffer,
        request: Admitted,
    ) -> Result<(), ToUpstream> {
        let exchange = request.begin(self.tap);
        // The answer may come as soon as the first byte is sent.
        self.queue.push(Pending { method: request.head.method.clone(), exchange: exchange.clone() });
        let mut framing = Framing::of_request(&request.head.headers);
        let mut out = request.head.redirected(&request.target, request.upstream.authority());
        loop {
            let mut copies = Vec::new();
            let taken = framing.follow(buffer.unused(), |data| copies.extend(exchange.copy_request(data)));
            out.extend_from_slice(&buffer.unused()[..taken]);
            buffer.consume(taken);
            send(upstream, &out).await.map_err(|_| ToUpstream::UpstreamBroke)?;
            out.clear();
            for copy in copies {
                exchange.put(copy);
            }
            if framing.is_ended() {
                break;
            }
            match buffer.read_from(client).await {
                Ok(0) => return Err(self.close(upstream).await),
                Ok(_) => {}
                Err(_) => return Err(ToUpstream::ClientBroke),
            }
        }
        exchange.put(What::RequestEnd);
        if request.head.wants_upgrade() {
            // Until the answer says which protocol follows, the client has to wait as well.
            self.queue.all_answered().await;
            if self.queue.is_upgraded() {
                return Err(self.tunnel(client, upstream, (buffer, &exchange)).await);
            }
        }
        Ok(())
    }

    /// Passes on everything that the client sends in another protocol.
    async fn tunnel(
        &self,
        client: &mut (impl AsyncRead + Unpin),
        upstream: &mut (impl AsyncWrite + Unpin),
        (buffer, exchange): (&mut Buffer, &TappedExchange),
    ) -> ToUpstream {
        loop {
            let copy = exchange.copy_tunneled(Body::Request, buffer.unused());
            if send(upstream, buffer.unused()).await.is_err() {
                return ToUpstream::UpstreamBroke;
            }
            if let Some(copy) = copy {
                exchange.put(copy);
            }
            buffer.consume(buffer.unused().len());
            match buffer.read_from(client).await {
                Ok(0) => return self.close(upstream).await,
                Ok(_) => {}
                Err(_) => return ToUpstream::ClientBroke,
            }
        }
    }

    /// Passes on that the client has closed its side.
    async fn close(&self, upstream: &mut (impl AsyncWrite + Unpin)) -> ToUpstream {
        self.queue.note_client_closed();
        match upstream.shutdown().await {
            Ok(()) => ToUpstream::ClientClosed,
            Err(_) => ToUpstream::UpstreamBroke,
        }
    }

    async fn to_client(&self, mut upstream: impl AsyncRead + Unpin, mut client: impl AsyncWrite + Unpin) -> ToClient {
        let mut answers = Answers::new(&self.queue);
        let mut bytes = vec![0; READ_BYTES];
        loop {
            match upstream.read(&mut bytes).await {
                // Over TLS, an end without notice is an end as well; clients take it so.
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                    answers.end(Some(format!("the upstream broke the connection: {error}")));
                    return ToClient::UpstreamBroke;
                }
                Ok(0) | Err(_) => {
                    answers.end(None);
                    return match client.shutdown().await {
                        Ok(()) => ToClient::UpstreamClosed,
                        Err(_) => ToClient::ClientBroke,
                    };
                }
                Ok(length) => {
                    if client.write_all(&bytes[..length]).await.is_err() {
                        return ToClient::ClientBroke;
                    }
                    answers.follow(&bytes[..length]);
                }
            }
        }
    }
}

/// Sends bytes, also through TLS, which may keep them otherwise.
async fn send(upstream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    upstream.write_all(bytes).await?;
    upstream.flush().await
}
