//! The tool `apply_patch`.

use rollout_trace_recorder::{ExecutionStatus, ToolKind};
use serde::Deserialize;
use serde_json::json;

use super::{Dispatch, Outcome, ToolError, call::Input};
use crate::{error_text::error_text, patch::Patch};

#[derive(Deserialize)]
struct Arguments {
    input: String,
}

impl Dispatch {
    pub(super) async fn apply_patch(&self) -> Result<Outcome, ToolError> {
        let text = match &self.call().input {
            Input::Custom(text) => text.clone(),
            Input::Function(_) => self.call().arguments::<Arguments>()?.input,
        };
        let folder = self.turn.settings.cwd.clone();
        let patch = Patch::parse(&text).map_err(ToolError::failed)?;
        let mut is_started = false;
        let written = self.turn.thread.rollout.patches.apply(&patch, &folder, |changes| {
            is_started = true;
            let changes: Vec<_> = changes
                .iter()
                .map(|change| {
                    json!({"path": change.path, "kind": format!("{:?}", change.kind).to_lowercase(),
                       "move_to": change.move_to, "old": change.old, "new": change.new})
                })
                .collect();
            self.record_runtime_started(ToolKind::ApplyPatch, &json!({"call_id": self.call().id, "changes": changes}));
        });
        let (status, output) = match &written {
            Ok(summary) => (ExecutionStatus::Completed, summary.to_string()),
            Err(error) => (ExecutionStatus::Failed, error_text(error)),
        };
        if is_started {
            let event = json!({"call_id": self.call().id, "success": written.is_ok(), "output": output});
            self.record_runtime_ended(status, &event);
        }
        written.map(|summary| Outcome::text(summary.to_string())).map_err(ToolError::failed)
    }
}
