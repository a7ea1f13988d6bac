//! Damage in requests.

use rollout_trace_schema::json_text::JsonTextError;
use thiserror::Error;

/// Why a request could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum RequestDamage {
    /// It is not JSON, or nests too deep.
    #[error(transparent)]
    Json(#[from] JsonTextError),
    /// A value holds bytes that are not UTF-8.
    #[error("the value at byte {offset} is not UTF-8")]
    NotUtf8 {
        /// Where the value begins.
        offset: usize,
    },
    /// It has a second input, which would count instead of the first one.
    #[error("the request has a second input")]
    SecondInput,
    /// What follows the input within its wrapper differs from the previous request. It is read from its start instead.
    #[error("what follows the input has changed")]
    WrapperChanged,
}
