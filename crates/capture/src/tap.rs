//! What the proxy saw, on its way to whoever records it.
//!
//! The proxy copies what passes after it has passed it on, and never waits for the recording: what exceeds the memory
//! for copies is left out, and the exchange says so.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::{Duration, SystemTime},
};

use crate::Headers;

/// The most bytes of all copies that wait for the recording or are part of a body that is still arriving.
const MAX_COPIED_BYTES: usize = 256 << 20;

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
    /// Data that is missing because the recording fell behind.
    Missed {
        /// How many bytes are missing.
        bytes: u64,
        /// Whether they are the answer's, or the request's.
        is_answer: bool,
    },
    /// The exchange is over.
    End(ExchangeEnd),
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
    budget: Arc<Budget>,
}

impl Deref for Copied {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes.len() + MESSAGE_BYTES, Ordering::Relaxed);
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
        let wants_data = crate::call::is_call(&request.method, &request.target);
        let exchange = TappedExchange { tap: self.clone(), id: Some(id), wants_data };
        exchange.put(What::Request(request));
        exchange
    }
}

/// The proxy's end of one exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct TappedExchange {
    tap: Tap,
    id: Option<ExchangeId>,
    wants_data: bool,
}

impl TappedExchange {
    /// Passes on what was seen.
    pub(crate) fn put(&self, what: What) {
        if let (Some(inner), Some(exchange)) = (&self.tap.0, self.id) {
            // Without a receiver, nobody records any more.
            let _ = inner.sender.send(Seen { exchange, at: SystemTime::now(), what });
        }
    }

    /// Returns the copy of a request's data, or that there is no memory for it, or `None` if nobody wants it.
    pub(crate) fn copy_request(&self, data: &[u8]) -> Option<What> {
        let missed = What::Missed { bytes: data.len() as u64, is_answer: false };
        Some(self.copy(data)?.map_or(missed, What::RequestData))
    }

    /// Does the same as [`copy_request`](Self::copy_request) for an answer's data.
    pub(crate) fn copy_answer(&self, data: &[u8]) -> Option<What> {
        let missed = What::Missed { bytes: data.len() as u64, is_answer: true };
        Some(self.copy(data)?.map_or(missed, What::ResponseData))
    }

    fn copy(&self, data: &[u8]) -> Option<Option<Copied>> {
        let inner = self.tap.0.as_ref().filter(|_| self.wants_data)?;
        let size = data.len() + MESSAGE_BYTES;
        let held = inner.budget.held.fetch_add(size, Ordering::Relaxed);
        if held.saturating_add(size) > inner.budget.limit {
            inner.budget.held.fetch_sub(size, Ordering::Relaxed);
            return Some(None);
        }
        Some(Some(Copied { bytes: data.to_vec(), budget: Arc::clone(&inner.budget) }))
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
