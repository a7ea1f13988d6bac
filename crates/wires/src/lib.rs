//! Assembles the answers of model APIs from their streams.
//!
//! [`Assembler`] takes the bytes of a response body as they come, and returns the response object that the API would have
//! given without streaming. Answers that break off are assembled as far as they came.
//!
//! ```
//! use rollout_trace_schema::WireApi;
//! use rollout_trace_wires::{AnswerStatus, Assembler};
//!
//! let body = concat!(
//!     "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"}}]}\n\n",
//!     "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":\"stop\"}]}\n\n",
//! );
//! let mut assembler = Assembler::new(&WireApi::ChatCompletions).expect("the API is known");
//! for bytes in body.as_bytes().chunks(7) {
//!     assembler.push(bytes);
//! }
//! let answer = assembler.finish();
//! assert_eq!(answer.status, AnswerStatus::Completed);
//! let response = answer.response.expect("something came");
//! assert_eq!(response.get("id").and_then(|id| id.as_str()), Some("c1"));
//! let text = serde_json::to_string(&response)?;
//! assert!(text.contains(r#""content":"Hello""#));
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Source: wires, section 9.

#![forbid(unsafe_code)]

mod answer;
mod assembler;
mod chat_completions;
mod elements;
mod events;
mod generate_content;
mod messages;
mod responses;
mod value;

pub use answer::{Answer, AnswerStatus};
pub use assembler::Assembler;
pub use value::Value;
