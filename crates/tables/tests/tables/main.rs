//! What holds of the tables of any rollout.

mod canary;
mod damage;
mod datasets;
#[cfg(feature = "sqlite")]
mod documented;
mod rows;
mod schema;
#[cfg(feature = "sqlite")]
mod sql;
mod support;
