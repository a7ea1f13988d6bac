//! How much the payloads of a bundle have amounted to.

use crate::{Limits, PayloadError};

/// How many times longer than all that is stored a document can be without being an amplification. A document rarely
/// has the same text in it even twice.
const USUAL_AMPLIFICATION: u64 = 4;

/// The same for what a shard decompresses to. Texts are compressed to a tenth, and logs to a hundredth.
pub(crate) const USUAL_COMPRESSION: u64 = 256;

/// How many times longer texts are than what they are compressed to, if they do not repeat one another.
pub(crate) const USUAL_TEXT_COMPRESSION: u64 = 4;

/// Adds up the documents that were loaded from one bundle.
///
/// Documents repeat one another, so that honest bundles amount to hundreds of times what they store. But no honest document
/// is much longer than everything that is stored. What it has beyond that is counted separately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    total: u64,
    amplified: u64,
}

impl Spent {
    /// Returns whether a document of this length is longer than honest ones, of a bundle that stores so much.
    pub(crate) fn is_amplified(bytes: u64, stored: u64) -> bool {
        bytes > stored.saturating_mul(USUAL_AMPLIFICATION)
    }

    /// Returns how many bytes were counted.
    pub(crate) fn total(self) -> u64 {
        self.total
    }

    /// Counts a document.
    pub(crate) fn add(&mut self, bytes: u64, stored: u64) {
        self.add_beyond(bytes, stored.saturating_mul(USUAL_AMPLIFICATION));
    }

    /// Counts bytes. Those beyond the usual number are amplified.
    pub(crate) fn add_beyond(&mut self, bytes: u64, usual: u64) {
        self.total = self.total.saturating_add(bytes);
        self.amplified = self.amplified.saturating_add(bytes.saturating_sub(usual));
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            total: self.total.saturating_add(other.total),
            amplified: self.amplified.saturating_add(other.amplified),
        }
    }

    /// Refuses to load another document once a limit is exceeded.
    pub(crate) fn check(self, payload: impl ToString, limits: &Limits) -> Result<(), PayloadError> {
        if self.total > limits.max_total_payload_bytes {
            let limit = limits.max_total_payload_bytes;
            return Err(PayloadError::TotalTooLarge { payload: payload.to_string(), limit });
        }
        if self.amplified > limits.max_amplified_bytes {
            let limit = limits.max_amplified_bytes;
            return Err(PayloadError::AmplifiedTooLarge { payload: payload.to_string(), limit });
        }
        Ok(())
    }
}
