//! Tests of cells through the public interface.

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
