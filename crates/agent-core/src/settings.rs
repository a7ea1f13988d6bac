//! The settings of one turn.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::TurnOverrides;

/// How much a model reasons before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// As little as possible.
    Minimal,
    /// Little.
    Low,
    /// The usual default of models.
    Medium,
    /// Much.
    High,
}

/// The model, effort and working folder of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TurnSettings {
    /// The model.
    pub model: String,
    /// The reasoning effort; `None` means the provider's default.
    pub effort: Option<Effort>,
    /// The working folder of tools.
    pub cwd: PathBuf,
}

/// Why the overrides of a turn are invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// The name of the model is empty.
    #[error("the turn's model has an empty name")]
    NoModel,
    /// The folder is not absolute.
    #[error("the turn's folder `{}` is not an absolute path", .0.display())]
    RelativeFolder(PathBuf),
    /// The folder does not exist.
    #[error("the turn's folder `{}` does not exist", .0.display())]
    NoFolder(PathBuf),
}

impl TurnSettings {
    /// Returns the settings with a turn's overrides applied.
    pub(crate) fn overridden(&self, overrides: &TurnOverrides) -> Result<Self, OverrideError> {
        let mut settings = self.clone();
        if let Some(model) = &overrides.model {
            if model.trim().is_empty() {
                return Err(OverrideError::NoModel);
            }
            settings.model.clone_from(model);
        }
        if let Some(cwd) = &overrides.cwd {
            if !cwd.is_absolute() {
                return Err(OverrideError::RelativeFolder(cwd.clone()));
            }
            if !cwd.is_dir() {
                return Err(OverrideError::NoFolder(cwd.clone()));
            }
            settings.cwd.clone_from(cwd);
        }
        settings.effort = overrides.effort.or(settings.effort);
        Ok(settings)
    }
}
