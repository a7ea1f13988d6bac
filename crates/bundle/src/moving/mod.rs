//! Bringing bundles into another form.

mod archive;
mod convert;
mod convert_error;
mod copy;
mod copying;
mod manifest_text;
mod new_bundle;
mod numbered;
mod schema_3;
mod shard_copies;
mod shard_pack;
mod shards;
mod staging;
mod threads;
mod unfinished;
mod unpack;

pub use archive::{ARCHIVE_SUFFIX, Packed, pack};
pub use convert::{Converted, convert};
pub use convert_error::{ConvertError, Loss};
pub use new_bundle::{BundleWriter, NewDocument};
pub use schema_3::convert_to_schema_3;
pub use unfinished::{Existing, StagedFile, remove_unfinished};
pub use unpack::unpack;
