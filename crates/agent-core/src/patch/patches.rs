//! The patches of a rollout.

use std::{path::Path, sync::Mutex};

use super::{Patch, PatchError, PatchSummary, PreparedChange};
use crate::lock::lock;

/// Applies patches one after another, whoever sends them.
///
/// Agents and code cells run at the same time and may patch the same files. Were a patch prepared before another one is
/// written, its write would be refused, since its files have changed. Patches of different files wait for one another
/// as well: they take a few milliseconds, and different paths may lead to one file.
#[derive(Debug, Default)]
pub(crate) struct Patches {
    turn: Mutex<()>,
}

impl Patches {
    /// Applies a patch to a folder. `on_prepared` receives the changes before they are made.
    ///
    /// # Errors
    ///
    /// Returns an error if the patch does not apply, or cannot be written.
    pub(crate) fn apply(
        &self,
        patch: &Patch,
        folder: &Path,
        on_prepared: impl FnOnce(&[PreparedChange]),
    ) -> Result<PatchSummary, PatchError> {
        let _turn = lock(&self.turn);
        let prepared = patch.prepare(folder)?;
        on_prepared(prepared.changes());
        prepared.write()
    }
}
