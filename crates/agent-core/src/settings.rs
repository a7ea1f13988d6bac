//! What holds during one turn.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::TurnOverrides;

/// How hard a model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// As most models do by themselves.
    Medium,
    /// Much.
    High,
}

/// Model, effort and folder of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TurnSettings {
    /// The model.
    pub model: String,
    /// How hard it thinks; the provider's default where it is `None`.
    pub effort: Option<Effort>,
    /// The folder in which tools work.
    pub cwd: PathBuf,
}

/// A turn that cannot be as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// The model has no name.
    #[error("the model of a turn needs a name")]
    NoModel,
    /// The folder is not absolute.
    #[error("the folder of a turn must be absolute, and {} is not", .0.display())]
    RelativeFolder(PathBuf),
    /// The folder is not there.
    #[error("the folder of a turn, {}, is not there", .0.display())]
    NoFolder(PathBuf),
}

impl TurnSettings {
    /// The settings with what a turn wants otherwise.
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
