//! What the proxy saw, on its way to whoever records it.
//!
//! The proxy copies what passes after it has passed it on, and never waits for the recording: what exceeds the memory
//! for copies is left out, and the exchange says so.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, SystemTime},
};

use crate::{
    Headers,
    call::{is_call, opens_calls},
};

/// The most bytes of all copies that wait for the recording or are kept by it.
const MAX_COPIED_BYTES: usize = 256 << 20;

/// The most bytes of a request that are copied. Providers refuse far smaller ones.
pub(crate) const MAX_REQUEST_BYTES: usize = 128 << 20;

/// The most bytes of an answer that are copied. The longest answer of a model is a stream of about 25 MB.
pub(crate) const MAX_ANSWER_BYTES: usize = 64 << 20;

/// What a message takes in memory beside its bytes, so that bodies in tiny pieces are bounded, too.
const MESSAGE_BYTES: usize = 128;

/// Names an exchange, a request with its answer. The proxy mints it; it is unique within one proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(u64);

/// One thing that the proxy saw.
#[derive(Debug)]
pub struct Seen {
    /// The exchange to which it belongs.
    pub exchange: ExchangeId,
    /// When it was seen.
    pub at: SystemTime,
    /// What it is.
    pub what: What,
}

/// What the proxy saw of an exchange. The parts of one exchange come in their order, except that an answer may begin
/// before its request ends.
#[derive(Debug)]
pub enum What {
    /// The head of a request.
    Request(RequestSeen),
    /// Data of the request's body, without the framing.
    RequestData(Copied),
    /// The request is complete.
    RequestEnd,
    /// The head of the final answer.
    Response(ResponseSeen),
    /// Data of the answer's body, without the framing.
    ResponseData(Copied),
    /// Data of a body that is missing. It comes before the body's end, and nothing of the body was copied after the first
    /// byte that is missing.
    Missed {
        /// How many bytes are missing.
        bytes: u64,
        /// Of which body.
        body: Body,
        /// Why they are missing.
        why: Missing,
    },
    /// Bytes of the WebSocket to which the connection went over, if models are called over it.
    Tunneled {
        /// Which side sent them: the client, as it sends requests, or the upstream.
        side: Body,
        /// The bytes.
        data: Copied,
    },
    /// The exchange is over.
    End(ExchangeEnd),
}

/// One of the two bodies of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The request's.
    Request,
    /// The answer's.
    Answer,
}

/// Why data is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The recording fell behind, and the memory for copies was full.
    FellBehind,
    /// The body is larger than what is recorded of one.
    TooLarge,
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct RequestSeen {
    /// The name of the upstream.
    pub upstream: String,
    /// The method.
    pub method: String,
    /// The path and the query as they went to the upstream.
    pub target: String,
    /// The headers.
    pub headers: Headers,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct ResponseSeen {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExchangeEnd {
    /// The answer ended as its framing says.
    Complete,
    /// The connection speaks another protocol from here on.
    Upgraded,
    /// The client closed the connection first.
    ClientClosed,
    /// The upstream closed or broke the connection before the answer's end, or could not be reached. The text says how.
    UpstreamBroke(String),
    /// The proxy was stopped.
    Stopped,
}

/// Bytes that were copied for the recording. They count towards the memory for copies until they are dropped.
#[derive(Debug)]
pub struct Copied {
    bytes: Vec<u8>,
    share: Share,
}

impl Copied {
    /// Adds the bytes that come next.
    pub(crate) fn append(&mut self, next: Self) {
        self.bytes.extend_from_slice(&next.bytes);
        self.share.join(next.share);
    }

    /// Returns the bytes, and their share of the memory for copies.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Share) {
        (self.bytes, self.share)
    }
}

impl Deref for Copied {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A part of the memory for copies, which is free again when the share is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    bytes: usize,
    budget: Arc<Budget>,
}

impl Share {
    /// Takes memory, or returns `None` if there is not so much.
    fn take(budget: &Arc<Budget>, bytes: usize) -> Option<Self> {
        let held = budget.held.fetch_add(bytes, Ordering::Relaxed);
        let share = Self { bytes, budget: Arc::clone(budget) };
        (held.saturating_add(bytes) <= budget.limit).then_some(share)
    }

    /// Takes more memory. Returns whether there was so much.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        Self::take(&self.budget, bytes).map(|more| self.join(more)).is_some()
    }

    /// Adds another share to this one.
    pub(crate) fn join(&mut self, mut other: Self) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Budget {
    held: AtomicUsize,
    limit: usize,
}

/// Where the proxy puts what it sees. Clones lead to the same feed.
#[derive(Clone, Debug, Default)]
pub struct Tap(Option<Arc<TapInner>>);

#[derive(Debug)]
struct TapInner {
    sender: Sender<Seen>,
    budget: Arc<Budget>,
    next: AtomicU64,
}

/// What the proxy saw, in order.
#[derive(Debug)]
pub struct Feed(Receiver<Seen>);

impl Tap {
    /// Returns a tap of a proxy that nobody watches.
    pub const fn closed() -> Self {
        Self(None)
    }

    /// Returns a tap and what comes out of it.
    pub fn open() -> (Self, Feed) {
        Self::with_limit(MAX_COPIED_BYTES)
    }

    /// Does the same as [`open`](Self::open) with another limit, in bytes, for all copies that exist at a time.
    pub fn with_limit(limit: usize) -> (Self, Feed) {
        let (sender, receiver) = channel();
        let budget = Arc::new(Budget { held: AtomicUsize::new(0), limit });
        (Self(Some(Arc::new(TapInner { sender, budget, next: AtomicU64::new(1) }))), Feed(receiver))
    }

    /// Begins an exchange.
    pub(crate) fn begin(&self, request: impl FnOnce() -> RequestSeen) -> TappedExchange {
        let Some(inner) = &self.0 else { return TappedExchange::default() };
        let request = request();
        let id = ExchangeId(inner.next.fetch_add(1, Ordering::Relaxed));
        let wanted = if is_call(&request.method, &request.target) {
            Wanted::Bodies
        } else if opens_calls(&request) {
            Wanted::Tunnel
        } else {
            Wanted::Nothing
        };
        let exchange = TappedExchange(Some(Arc::new(ExchangeInner {
            tap: Arc::clone(inner),
            id,
            wanted,
            request: BodyCounts::default(),
            answer: BodyCounts::default(),
        })));
        exchange.put(What::Request(request));
        exchange
    }
}

/// The proxy's end of one exchange. Clones are the same exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct TappedExchange(Option<Arc<ExchangeInner>>);

#[derive(Debug)]
struct ExchangeInner {
    tap: Arc<TapInner>,
    id: ExchangeId,
    wanted: Wanted,
    request: BodyCounts,
    answer: BodyCounts,
}

/// What is copied of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Bodies,
    /// The WebSocket to which the connection goes over.
    Tunnel,
}

/// How much of a body was copied, and how much was not.
#[derive(Debug, Default)]
struct BodyCounts {
    copied: AtomicUsize,
    missed: AtomicU64,
    is_too_large: AtomicBool,
}

impl TappedExchange {
    /// Passes on what was seen.
    pub(crate) fn put(&self, what: What) {
        let Some(inner) = &self.0 else { return };
        if matches!(what, What::RequestEnd | What::End(_)) {
            inner.put_missed(Body::Request);
        }
        if matches!(what, What::End(_)) {
            inner.put_missed(Body::Answer);
        }
        inner.put(what);
    }

    /// Returns the copy of a request's data, or `None` if nobody wants it or there is no memory for it.
    pub(crate) fn copy_request(&self, data: &[u8]) -> Option<What> {
        self.0.as_ref()?.copy_body(Body::Request, data).map(What::RequestData)
    }

    /// Does the same as [`copy_request`](Self::copy_request) for an answer's data.
    pub(crate) fn copy_answer(&self, data: &[u8]) -> Option<What> {
        self.0.as_ref()?.copy_body(Body::Answer, data).map(What::ResponseData)
    }

    /// Returns whether anybody wants what follows if the connection goes over to a WebSocket.
    pub(crate) fn wants_tunnel(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.wanted == Wanted::Tunnel)
    }

    /// Returns the copy of what one side sends over a WebSocket, or `None` as [`copy_request`](Self::copy_request) does.
    pub(crate) fn copy_tunneled(&self, side: Body, data: &[u8]) -> Option<What> {
        let inner = self.0.as_ref().filter(|inner| inner.wanted == Wanted::Tunnel && !data.is_empty())?;
        // A WebSocket may last for days; its messages are limited one by one.
        inner.copy(inner.counts(side), usize::MAX, data).map(|data| What::Tunneled { side, data })
    }
}

impl ExchangeInner {
    fn put(&self, what: What) {
        // Without a receiver, recording has ended.
        let _ = self.tap.sender.send(Seen { exchange: self.id, at: SystemTime::now(), what });
    }

    fn counts(&self, body: Body) -> &BodyCounts {
        match body {
            Body::Request => &self.request,
            Body::Answer => &self.answer,
        }
    }

    /// Passes on how much of a body is missing, once.
    fn put_missed(&self, body: Body) {
        let counts = self.counts(body);
        let bytes = counts.missed.swap(0, Ordering::Relaxed);
        if bytes > 0 {
            let is_too_large = counts.is_too_large.load(Ordering::Relaxed);
            let why = if is_too_large { Missing::TooLarge } else { Missing::FellBehind };
            self.put(What::Missed { bytes, body, why });
        }
    }

    fn copy_body(&self, body: Body, data: &[u8]) -> Option<Copied> {
        let limit = match body {
            Body::Request => MAX_REQUEST_BYTES,
            Body::Answer => MAX_ANSWER_BYTES,
        };
        (self.wanted == Wanted::Bodies).then(|| self.copy(self.counts(body), limit, data)).flatten()
    }

    fn copy(&self, counts: &BodyCounts, limit: usize, data: &[u8]) -> Option<Copied> {
        let copied = counts.copied.load(Ordering::Relaxed);
        let is_too_large = copied.saturating_add(data.len()) > limit;
        // What comes after a gap would make no sense.
        let has_gap = counts.missed.load(Ordering::Relaxed) > 0;
        let may_copy = !has_gap && !is_too_large;
        let share = may_copy.then(|| Share::take(&self.tap.budget, data.len() + MESSAGE_BYTES)).flatten();
        let Some(share) = share else {
            counts.missed.fetch_add(data.len() as u64, Ordering::Relaxed);
            if !has_gap {
                counts.is_too_large.store(is_too_large, Ordering::Relaxed);
            }
            return None;
        };
        counts.copied.store(copied.saturating_add(data.len()), Ordering::Relaxed);
        Some(Copied { bytes: data.to_vec(), share })
    }
}

impl Feed {
    /// Waits for what is seen next. Returns `None` once the proxy and all of its connections are gone.
    pub fn next(&self) -> Option<Seen> {
        self.0.recv().ok()
    }

    /// Waits for what is seen next, at most so long.
    ///
    /// # Errors
    ///
    /// Nothing was seen in that time, or the proxy and all of its connections are gone.
    pub fn next_within(&self, time: Duration) -> Result<Seen, RecvTimeoutError> {
        self.0.recv_timeout(time)
    }
}
