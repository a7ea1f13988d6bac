//! The common part of the fuzz targets: inputs that look like bundles, and checks that hold for any of them.

#![forbid(unsafe_code)]

mod check;
mod folder;
mod line;
mod pack;
mod shards;
mod template;

pub use check::{Forgetful, check, feed};
pub use folder::{Document, Files, in_folder};
pub use line::{Line, write_log};
pub use pack::{Damage, Pack, PackPlan, PackedDocument};
pub use shards::Shards;
pub use template::{DOCUMENTS, EVENTS, ITEMS, fill};
