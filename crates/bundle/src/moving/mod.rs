//! Bringing bundles into another form.

mod convert;
mod convert_error;
mod copy;
mod manifest_text;
mod staging;
mod threads;

pub use convert::{Converted, PayloadLayout, convert};
pub use convert_error::{ConvertError, Loss};
