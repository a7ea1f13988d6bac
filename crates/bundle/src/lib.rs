//! Opens trace bundles, whatever wrote them and whatever happened to them.
//!
//! A [`Bundle`] gives its raw events as [`Evidence`], in causal order and with a [`Problem`] wherever the log surprises,
//! and its payload documents through a [`PayloadSource`]. Nothing here interprets an event.

#![forbid(unsafe_code)]

mod evidence;
mod header;
mod limits;
mod payload;
mod problem;

pub use evidence::{Evidence, LocatedEvent};
pub use header::BundleHeader;
pub use limits::Limits;
pub use payload::{PayloadBuffer, PayloadError, PayloadSource};
pub use problem::Problem;
