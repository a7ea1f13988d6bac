//! Follows the answers that an upstream sends on one connection.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::{framing::Framing, head::ResponseHead};
use crate::tap::{Body, ExchangeEnd, ResponseSeen, TappedExchange, What};

/// A request that was passed on and is not answered completely.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) method: String,
    pub(super) exchange: TappedExchange,
}

/// The requests of one connection that are not answered completely, in their order. Both directions of the connection
/// share it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pending: Mutex<VecDeque<Pending>>,
    settled: Notify,
    is_upgraded: AtomicBool,
    /// The exchange that opened a WebSocket which somebody watches.
    tunnel: Mutex<Option<TappedExchange>>,
    client_closed: AtomicBool,
}

/// Follows the bytes that an upstream sends, after they were passed on.
#[derive(Debug)]
pub(super) struct Answers<'q> {
    queue: &'q Queue,
    state: State,
}

#[derive(Debug)]
enum State {
    /// In a head, of which this has come.
    Head(Vec<u8>),
    /// In the body of the answer to the first request of the queue.
    Body(Framing),
    /// In what is no answer to a request, until the connection ends.
    Opaque,
    /// In another protocol.
    Tunnel(TappedExchange),
}

impl Queue {
    /// Adds a request before its first byte is passed on.
    pub(super) fn push(&self, pending: Pending) {
        self.lock().push_back(pending);
    }

    /// Waits until all requests are answered completely.
    pub(super) async fn all_answered(&self) {
        loop {
            let settled = self.settled.notified();
            if self.lock().is_empty() {
                return;
            }
            settled.await;
        }
    }

    /// Returns whether the connection speaks another protocol.
    pub(super) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Acquire)
    }

    /// Notes that the client has closed its side, so that it is known who did so first.
    pub(super) fn note_client_closed(&self) {
        self.client_closed.store(true, Ordering::Release);
    }

    /// Ends all exchanges that are not over.
    pub(super) fn end_all(&self, end: &ExchangeEnd) {
        let pending = mem::take(&mut *self.lock()).into_iter().map(|pending| pending.exchange);
        let tunnel = self.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
        for exchange in pending.chain(tunnel) {
            let was_closed = self.client_closed.load(Ordering::Acquire);
            exchange.put(What::End(if was_closed { ExchangeEnd::ClientClosed } else { end.clone() }));
        }
        self.settled.notify_waiters();
    }

    fn finish_first(&self, end: ExchangeEnd) {
        let first = self.lock().pop_front();
        if let Some(first) = first {
            first.exchange.put(What::End(end));
        }
        self.settled.notify_waiters();
    }

    /// Notes that the answer to the first request opens another protocol.
    fn upgrade(&self, exchange: &TappedExchange) {
        self.is_upgraded.store(true, Ordering::Release);
        if !exchange.wants_tunnel() {
            return self.finish_first(ExchangeEnd::Upgraded);
        }
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange.clone());
        drop(self.lock().pop_front());
        self.settled.notify_waiters();
    }

    fn first(&self) -> Option<(String, TappedExchange)> {
        self.lock().front().map(|first| (first.method.clone(), first.exchange.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Queue {
    /// A connection that the proxy gave up leaves no exchange open.
    fn drop(&mut self) {
        self.end_all(&ExchangeEnd::Stopped);
    }
}

impl<'q> Answers<'q> {
    pub(super) fn new(queue: &'q Queue) -> Self {
        Self { queue, state: State::Head(Vec::new()) }
    }

    /// Follows the next bytes.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Opaque => return,
                State::Tunnel(exchange) => {
                    if let Some(what) = exchange.copy_tunneled(Body::Answer, bytes) {
                        exchange.put(what);
                    }
                    return;
                }
                State::Head(head) => {
                    let searched = head.len();
                    head.extend_from_slice(bytes);
                    match ResponseHead::find(head, searched) {
                        Ok(None) => return,
                        Ok(Some((found, length))) => {
                            bytes = &bytes[length - searched..];
                            self.state = self.after_head(found);
                        }
                        Err(error) => {
                            self.queue
                                .finish_first(ExchangeEnd::UpstreamBroke(format!("no answer in HTTP/1.1: {error}")));
                            self.state = State::Opaque;
                        }
                    }
                }
                State::Body(framing) => {
                    let first = self.queue.first();
                    let taken = framing.follow(bytes, |data| {
                        if let Some((_, exchange)) = &first
                            && let Some(what) = exchange.copy_answer(data)
                        {
                            exchange.put(what);
                        }
                    });
                    bytes = &bytes[taken..];
                    self.end_body_if_complete();
                }
            }
        }
    }

    /// Notes that the upstream has ended the connection. `broke` says how, if it did not just close it.
    pub(super) fn end(self, broke: Option<String>) {
        let is_whole = matches!(self.state, State::Body(Framing::UntilClose)) && broke.is_none();
        if is_whole {
            self.queue.finish_first(ExchangeEnd::Complete);
        }
        if matches!(self.state, State::Tunnel(_)) && broke.is_none() {
            return self.queue.end_all(&ExchangeEnd::Complete);
        }
        let how = broke.unwrap_or_else(|| match &self.state {
            State::Head(head) if head.is_empty() => "the upstream closed the connection without an answer".to_owned(),
            _ => "the upstream closed the connection before the end of its answer".to_owned(),
        });
        self.queue.end_all(&ExchangeEnd::UpstreamBroke(how));
    }

    fn after_head(&self, head: ResponseHead) -> State {
        let Some((method, exchange)) = self.queue.first() else { return State::Opaque };
        if head.status == 101 {
            exchange.put(What::Response(ResponseSeen { status: head.status, headers: head.headers }));
            self.queue.upgrade(&exchange);
            return State::Tunnel(exchange);
        }
        if (100..200).contains(&head.status) {
            return State::Head(Vec::new());
        }
        let framing = Framing::of_response(&head, &method);
        exchange.put(What::Response(ResponseSeen { status: head.status, headers: head.headers }));
        if framing.is_ended() {
            self.queue.finish_first(ExchangeEnd::Complete);
            return State::Head(Vec::new());
        }
        State::Body(framing)
    }

    fn end_body_if_complete(&mut self) {
        if matches!(&self.state, State::Body(framing) if framing.is_ended()) {
            self.queue.finish_first(ExchangeEnd::Complete);
            self.state = State::Head(Vec::new());
        }
    }
}
