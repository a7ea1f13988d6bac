//! The sizes of a part of a request.

use std::ops::{Add, AddAssign};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimator::thousandths_of_tokens;

/// The sizes of the model text of a part of a request, or of several parts.
///
/// Source: questions, section 1.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sizes {
    /// The length of the readable strings in UTF-8.
    pub bytes: u64,
    /// The number of their code points.
    pub chars: u64,
    /// How many tokens there are, roughly. Media count as none.
    pub tokens_estimate: u64,
    /// The length of the strings that only the provider can read.
    pub sealed_bytes: u64,
    /// How many images, files or audio parts there are.
    pub media_parts: u64,
}

impl Sizes {
    /// Returns the sizes of one string.
    pub(crate) fn of_text(text: &str) -> Self {
        let mut sizes = Measured::default();
        sizes.add(text);
        sizes.finish()
    }
}

impl Add for Sizes {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Sizes {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.chars += other.chars;
        self.tokens_estimate += other.tokens_estimate;
        self.sealed_bytes += other.sealed_bytes;
        self.media_parts += other.media_parts;
    }
}

impl std::iter::Sum for Sizes {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Add::add)
    }
}

/// Measures the strings of one part.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    sizes: Sizes,
    thousandths: u64,
}

impl Measured {
    pub(crate) fn add(&mut self, text: &str) {
        self.sizes.bytes += text.len() as u64;
        self.sizes.chars += text.chars().count() as u64;
        self.thousandths += thousandths_of_tokens(text);
    }

    pub(crate) fn add_sealed(&mut self, bytes: usize) {
        self.sizes.sealed_bytes += bytes as u64;
    }

    pub(crate) fn add_media(&mut self) {
        self.sizes.media_parts += 1;
    }

    pub(crate) fn finish(self) -> Sizes {
        let sealed = (3 * self.sizes.sealed_bytes).div_ceil(16);
        Sizes { tokens_estimate: self.thousandths.div_ceil(1000) + sealed, ..self.sizes }
    }
}
