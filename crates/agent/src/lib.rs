//! Plays scenarios with a traced agent.
//!
//! A scenario is a whole rollout in a file: the steps of the user, and the answers of the model. [`play`] runs it
//! against a scripted model with real tools. This package also builds the program `rollout-trace-agent`.

#![forbid(unsafe_code)]

mod player;
mod scenario;

pub use player::{PlayError, Played, StepError, play};
pub use scenario::{Scenario, ScenarioError};
