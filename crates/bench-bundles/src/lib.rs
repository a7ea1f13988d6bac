//! Makes the bundles that benchmarks and measurements share: by name ([`NAMED`]), as sessions of any length, or
//! as hostile shapes of any size ([`HOSTILE`]).
//!
//! The same name or shape gives the same bytes each time, as long as the recorder writes the same bytes.

#![forbid(unsafe_code)]

mod captured;
mod named;
mod prose;
mod request;
mod rollout;
mod session;
mod shapes;
mod synthetic;
mod traced_agent;
mod writer;

pub use captured::{Captured, CapturedApi};
pub use named::{NAMED, Named};
pub use request::{Item, Part, Request, item, metadata, request, small_item, text};
pub use rollout::Rollout;
pub use rollout_trace_recorder::PayloadLayout;
pub use session::{Recording, Session, Traced};
pub use shapes::{HOSTILE, HostileShape};
pub use synthetic::{Form, Shape};
