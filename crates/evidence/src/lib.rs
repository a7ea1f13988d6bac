//! What every source of evidence about a rollout yields, whatever it reads from.
//!
//! A source describes itself in a [`BundleHeader`], yields its events in causal order as [`Evidence`], with a
//! [`Problem`] wherever the record is damaged or surprising, and loads payload documents as a [`PayloadSource`].
//! [`Limits`] bound what it may make its reader do. Nothing here knows a file format or does I/O.
//!
//! ```
//! use rollout_trace_evidence::{PayloadBuffer, PayloadError, PayloadSource};
//! use rollout_trace_schema::{PayloadKind, PayloadRef};
//!
//! /// Loads the same document for every reference.
//! struct Fixed(&'static [u8]);
//!
//! impl PayloadSource for Fixed {
//!     fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
//!         buffer.replace(&reference.raw_payload_id, &mut self.0.to_vec());
//!         Ok(())
//!     }
//! }
//!
//! let reference = |number: u64| {
//!     PayloadRef::at_path(
//!         format!("raw_payload:{number}"),
//!         PayloadKind::InferenceRequest,
//!         format!("payloads/{number}.json"),
//!     )
//! };
//! let mut buffer = PayloadBuffer::default();
//! Fixed(br#"{"input":[]}"#).load(&reference(1), &mut buffer)?;
//! Fixed(br#"{"input":[1]}"#).load(&reference(2), &mut buffer)?;
//! assert_eq!(buffer.bytes(), br#"{"input":[1]}"#);
//! assert_eq!((buffer.unchanged_prefix(), buffer.unchanged_suffix()), (10, 2));
//! # Ok::<(), PayloadError>(())
//! ```

#![forbid(unsafe_code)]

mod evidence;
mod header;
mod limits;
mod payload_buffer;
mod payload_source;
mod problem;

pub use evidence::{Evidence, LocatedEvent};
pub use header::BundleHeader;
pub use limits::Limits;
pub use payload_buffer::PayloadBuffer;
pub use payload_source::{PayloadError, PayloadSource};
pub use problem::Problem;
