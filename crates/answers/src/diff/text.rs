//! The text form.

use std::collections::BTreeMap;

use rollout_trace_model::Line;

use super::{At, Both, Condition, ConditionCause, Diff, DiffTotals, Divergence, DivergenceCause, Side, ThreadDiff};
use crate::{item_words::beginning, payload_name::payload_words};

impl Diff {
    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let head = match &self.first {
            _ if self.same => "nothing differs".to_owned(),
            Some(agent) => format!("they part first in {agent}"),
            None => "they do not part, but ran under different conditions".to_owned(),
        };
        let mut lines: Vec<Line> = vec![head.into()];
        lines.extend(self.threads.iter().flat_map(ThreadDiff::lines));
        for (side, names) in [("A", &self.only_in.a), ("B", &self.only_in.b)] {
            if !names.is_empty() {
                lines.push(format!("  only in {side}: {}", names.join(", ")).into());
            }
        }
        lines.extend(totals(&self.totals));
        let complete = self.completeness.map(|word| word.as_str());
        if complete.a != "complete" || complete.b != "complete" {
            lines.push(format!("  the evidence of A is {}, that of B {}", complete.a, complete.b).into());
        }
        lines
    }
}

impl ThreadDiff {
    fn lines(&self) -> Vec<Line> {
        let [a, b] = self.calls;
        let what = self.divergence.as_ref().map_or("no divergence", |divergence| divergence.cause.words());
        let mut lines: Vec<Line> =
            vec![format!("  {}: {} of {a} and {b} calls alike, then {what}", self.agent_path, self.equal_calls).into()];
        lines.extend(self.conditions.iter().map(Condition::line));
        if let Some(divergence) = &self.divergence {
            lines.extend([("A", &divergence.at.a, &divergence.a), ("B", &divergence.at.b, &divergence.b)].map(
                |(name, at, side)| {
                    let at = at.as_ref().map_or_else(|| "no further call".to_owned(), At::words);
                    let side = side.as_ref().map_or_else(String::new, |side| format!(": {}", side.words()));
                    format!("    {name}  {at}{side}").into()
                },
            ));
            lines.extend(divergence.line());
        }
        for (soft, count) in &self.soft_differences {
            let name = serde_json::to_value(soft).unwrap_or_default();
            let name = name.as_str().unwrap_or_default().replace('_', " ");
            lines.push(format!("    besides: {name} differs in {count} calls").into());
        }
        lines
    }
}

impl Condition {
    fn line(&self) -> Line {
        let short = |value: &serde_json::Value| match value {
            serde_json::Value::Array(values) if values.is_empty() => "none".to_owned(),
            value => beginning(&value.to_string()),
        };
        let at = self.at.a.as_ref().map_or_else(String::new, |at| format!(" from {} on", at.names));
        let difference = match &self.first_difference {
            Some(Some(difference)) => {
                let line = |line: &Option<String>| line.as_deref().map_or_else(|| "nothing".to_owned(), beginning);
                format!(": line {}: A {:?} · B {:?}", difference.line, line(&difference.a), line(&difference.b))
            }
            _ => format!(": A {} · B {}", short(&self.a), short(&self.b)),
        };
        format!("    condition  {}{at}{difference}", self.cause.words()).into()
    }
}

impl Divergence {
    fn line(&self) -> Option<Line> {
        let difference = self.first_difference.as_ref()?.as_ref()?;
        let line = |line: &Option<String>| line.as_deref().map_or_else(|| "nothing".to_owned(), beginning);
        let same = match self.same_request {
            Some(true) => " · both models were given the same",
            _ => "",
        };
        Some(
            format!(
                "    line {} differs: A {:?} · B {:?}{same}",
                difference.line,
                line(&difference.a),
                line(&difference.b)
            )
            .into(),
        )
    }
}

impl At {
    fn words(&self) -> String {
        let seq = self.seq.map_or_else(String::new, |seq| format!(", seq {seq}"));
        let payload = self.payload_id.as_ref().map_or_else(String::new, |id| format!(" {}", payload_words(id)));
        format!("{}{seq}{payload}", self.names)
    }
}

impl Side {
    fn words(&self) -> String {
        match self {
            Self::Readable { readable: true } => "can be read".to_owned(),
            Self::Readable { readable: false } => "cannot be read".to_owned(),
            Self::Output { item_id, bytes, tool_call_id, status, exit_code } => {
                let item = item_id.map_or_else(String::new, |item| format!("[{}] ", item.0));
                let exit = exit_code.map_or_else(String::new, |code| format!(", exit code {code}"));
                format!("{item}{bytes} bytes of {tool_call_id}, {status}{exit}")
            }
            Self::Item { item_id: None, .. } => "lacks nothing".to_owned(),
            Self::Item { item_id: Some(item), bytes } => format!("[{}] {bytes} bytes", item.0),
            Self::Outcome { status, error: None } => status.to_string(),
            Self::Outcome { status, error: Some(error) } => format!("{status}: {}", beginning(error)),
        }
    }
}

impl ConditionCause {
    fn words(self) -> &'static str {
        match self {
            Self::ModelChange => "another model",
            Self::ToolListChange => "other tools offered",
            Self::ToolDefinitionChange => "other definitions of tools",
            Self::InstructionChange => "other instructions",
            Self::SettingsChange => "other settings",
            Self::Harness => "other text of the harness",
            Self::Input => "other input",
        }
    }
}

impl DivergenceCause {
    fn words(self) -> &'static str {
        match self {
            Self::RequestNotReadable => "a request that cannot be read",
            Self::ToolOutcome => "a tool ended otherwise for the same call",
            Self::ToolResult => "a tool answered otherwise to the same call",
            Self::Compaction => "a compaction",
            Self::AgentMessage => "another message of an agent",
            Self::Input => "a person wrote something else",
            Self::Harness => "the harness added something else",
            Self::History => "another history",
            Self::AnswerNotReadable => "an answer that cannot be read",
            Self::CallOutcome => "a call ended otherwise",
            Self::ModelOutput => "the model answered otherwise",
            Self::Ended => "one has no further calls",
        }
    }
}

/// Returns a line for each number that differs.
fn totals(totals: &Both<DiffTotals>) -> Vec<Line> {
    let fields = totals.map(|totals| {
        let value = serde_json::to_value(totals).unwrap_or_default();
        value.as_object().cloned().unwrap_or_default().into_iter().collect::<BTreeMap<_, _>>()
    });
    let mut lines = Vec::new();
    for (name, a) in &fields.a {
        let Some(b) = fields.b.get(name).filter(|b| *b != a) else { continue };
        let words = |value: &serde_json::Value| match value {
            serde_json::Value::Array(values) if values.is_empty() => "none".to_owned(),
            serde_json::Value::Array(values) => {
                values.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
            }
            value => value.to_string(),
        };
        let change = match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => format!("  {:+}", b.saturating_sub(a)),
            _ => String::new(),
        };
        lines.push(format!("  {name:<24}{:>14} → {:>12}{change}", words(a), words(b)).into());
    }
    lines
}
