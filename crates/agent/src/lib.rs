//! A traced agent as a program, and whole rollouts in files.
//!
//! A scenario is a whole rollout in a file: what the user does, and what the model answers. [`play`] runs it against a scripted
//! model with real tools.

#![forbid(unsafe_code)]

mod player;
mod scenario;

pub use player::{PlayError, Played, play};
pub use scenario::{Scenario, ScenarioError};
