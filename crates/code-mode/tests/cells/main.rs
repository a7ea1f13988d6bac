//! Cells, as the model and the agent core see them.

mod absent;
mod content;
mod failures;
mod hostile;
mod lifetime;
mod pragma;
mod promises;
mod random;
mod session;
mod support;
mod termination;
mod tools;
mod values;
