//! Records what an agent says to its model and what comes back, without touching the agent.
//!
//! A [`Proxy`] on the loopback interface stands between the agent and its provider. The agent gets the proxy's address
//! in place of the provider's, by the variables that SDKs read for it.
//!
//! # What does not change
//!
//! Each connection of a client has a connection to the upstream of its own. Of what passes, only the target of a
//! request and its header `Host` change. Everything else goes on byte for byte, and as it comes: the order, case and
//! spaces of headers, bodies with their compression, chunks with their extensions, trailers, interim answers, pipelined
//! requests, other protocols after an upgrade. An end is passed on as an end and a reset as a reset, in both directions.
//! What passes to the client is looked at after it was passed on.
//!
//! # What is not possible
//!
//! Only connections to 127.0.0.1 are accepted, only requests with the proxy's random key in their path and with this
//! machine as their host are passed on, none that a page of another site sent, and only to the upstreams that were
//! given. Redirects are the client's to follow.
//!
//! ```
//! use rollout_trace_capture::{Proxy, Tap, Upstream, What};
//!
//! let (tap, feed) = Tap::open();
//! let upstreams = vec![Upstream::parse("anthropic", "https://api.anthropic.com")?];
//! let proxy = Proxy::start(upstreams, |_| None, tap)?;
//! println!("export ANTHROPIC_BASE_URL={}", proxy.base_url("anthropic"));
//! drop(proxy);
//! while let Some(seen) = feed.next() {
//!     if let What::Request(request) = seen.what {
//!         println!("{} {}", request.method, request.target);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod call;
mod decompress;
mod detour;
mod proxy;
mod recipes;
mod recording;
mod request;
mod secrets;
mod tap;
mod threads;
mod upstream;
mod websocket;

pub use call::CallApi;
pub use detour::Detour;
pub use proxy::{Headers, Proxy, ProxyError};
pub use recipes::{Recipe, upstreams};
pub use recording::{Recording, Report, Unrecorded};
pub use secrets::Redact;
pub use tap::{Body, Copied, ExchangeEnd, ExchangeId, Feed, Missing, RequestSeen, ResponseSeen, Seen, Tap, What};
pub use upstream::{Upstream, UpstreamError};
