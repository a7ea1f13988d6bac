//! Commands and what they wrote.

use std::{
    io::Read,
    path::{Component, Path},
};

use rollout_trace_schema::{ExecutionStatus, ToolCallId, ToolKind};
use serde_json::{Value, json};

use super::{thread::Thread, tools::Tool};
use crate::{draft::At, lines::Digested, problem::ProblemCode};

/// How much of an output that was set aside is read.
const MAX_OUTPUT: u64 = 64 << 20;

impl Thread {
    /// Writes the run of a command, as far as its result tells of it.
    pub(super) fn command_ran(
        &mut self,
        at: &At,
        call_id: &str,
        tool: &Tool,
        (is_error, text): (bool, &str),
        recorded: Option<&Value>,
    ) {
        let (code_of_head, told) = match text.strip_prefix("Exit code ").filter(|_| is_error) {
            Some(rest) => {
                let (code, output) = rest.split_once('\n').unwrap_or((rest, ""));
                (code.trim().parse::<i64>().ok(), output)
            }
            None => (None, text),
        };
        let result = recorded.filter(|result| result.is_object());
        let field = |name: &str| result.and_then(|result| result.get(name));
        let says = |name: &str| field(name).is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)));
        let is_clean = result.is_some()
            && !is_error
            && !["interrupted", "returnCodeInterpretation", "backgroundTaskId"].iter().any(|name| says(name));
        let exit_code = code_of_head.or_else(|| is_clean.then_some(0));
        let streams = ["stdout", "stderr"].map(|name| field(name).and_then(Value::as_str).unwrap_or_default());
        let recorded_output = match streams {
            ["", stderr] => stderr.to_owned(),
            [stdout, ""] => stdout.to_owned(),
            [stdout, stderr] => format!("{stdout}\n{stderr}"),
        };
        let set_aside = field("persistedOutputPath").and_then(Value::as_str).map(str::to_owned);
        let output = set_aside.and_then(|path| self.output_set_aside(at, &path));
        let output = output.unwrap_or_else(|| if result.is_some() { recorded_output } else { told.to_owned() });
        let id = ToolCallId::from(call_id);
        let command = [tool.input.get("command").and_then(Value::as_str).unwrap_or_default()];
        let begin = json!({
            "call_id": call_id, "turn_id": at.turn, "command": command, "cwd": self.cwd.clone().unwrap_or_default(),
        });
        let mut end = begin.clone();
        end["aggregated_output"] = Value::from(output);
        end["exit_code"] = json!(exit_code);
        let at = at.reconstructed();
        self.writer.runtime_started(&at.at(tool.started.time), &id, ToolKind::ExecCommand, &begin);
        let status = if is_error { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
        self.writer.runtime_ended(&at, &id, status, &end);
        if exit_code.is_none() {
            self.writer.loss("exit_code_unknown");
        }
    }

    /// Reads the output that the program set aside: the file of that name in the session's own folder.
    fn output_set_aside(&mut self, at: &At, path: &str) -> Option<String> {
        // The path is that of the machine on which the program ran.
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        if Path::new(name).components().ne([Component::Normal(name.as_ref())]) {
            let message =
                format!("the output of a tool is said to be at {path}, which names no file; it was not opened");
            self.writer.problem(at, ProblemCode::PathRefused, message);
            return None;
        }
        let file = match self.store.output(name) {
            Ok(file) => file,
            Err(rollout_trace_bundle::PayloadError::Missing { .. }) => {
                let message =
                    format!("the file {name} with the output of a tool is missing; the model's part of it is known");
                self.writer.problem(at, ProblemCode::OutputMissing, message);
                return None;
            }
            Err(error) => {
                self.writer.problem(
                    at,
                    ProblemCode::PathRefused,
                    format!("the output of a tool was not read: {error}"),
                );
                return None;
            }
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_OUTPUT).read_to_end(&mut bytes);
        if let Err(error) = read {
            self.writer.problem(
                at,
                ProblemCode::OutputMissing,
                format!("the output {name} of a tool was not read: {error}"),
            );
            return None;
        }
        self.sources.add(&self.store.path_of_output(name), Digested::of(&bytes));
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
