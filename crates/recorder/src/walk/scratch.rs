//! Memory that walks use one after the other.

use std::sync::{Mutex, PoisonError};

use super::{Draft, tape::TapeEdit, walker::UnitTexts};

/// The memory that a walk writes into.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) draft: Draft,
    pub(super) edit: TapeEdit,
    pub(super) texts: UnitTexts,
}

/// Scratches that are not in use. Reusing them spares a small document the growing of vectors.
#[derive(Debug, Default)]
pub(crate) struct Spares(Mutex<Vec<Scratch>>);

/// How many scratches are kept: about one for each OS thread that records at the same time.
const MAX_SPARES: usize = 8;

/// The maximum memory of a scratch that is kept.
const MAX_BYTES: usize = 256 << 10;

impl Spares {
    /// Takes an empty scratch.
    pub(super) fn take(&self) -> Scratch {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scratch = spare.unwrap_or_default();
        scratch.draft.clear();
        scratch.edit.clear();
        scratch
    }

    /// Takes a scratch back.
    pub(crate) fn give(&self, scratch: Scratch) {
        if scratch.draft.memory() + scratch.edit.memory() > MAX_BYTES {
            return;
        }
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < MAX_SPARES {
            spares.push(scratch);
        }
    }
}
