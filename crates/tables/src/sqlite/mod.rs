//! Tables in SQLite.

mod database;
mod guard;
mod layout;

pub use database::{Cell, Database, SqlError};
pub use guard::SqlLimits;
