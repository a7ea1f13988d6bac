//! What follows from a graph and what every form needs in which a rollout is shown elsewhere.
//!
//! Source: exports, section 1.

mod clock;
mod relations;
#[cfg(test)]
mod tests;
mod tool_title;

pub use clock::Clock;
pub use relations::{End, Relations};
pub use tool_title::ToolTitle;
