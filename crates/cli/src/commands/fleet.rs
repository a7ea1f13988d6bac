//! Questions about many rollouts, which are statements about their tables.

use std::path::PathBuf;

use rollout_trace::bundle::holds_bundle;
use rollout_trace_tables::{Content, Options};

use crate::{
    args::BundleArgs,
    commands::sql::{Form, ask_in_memory},
    failure::{Failure, Verdict},
    output::Output,
    question_args::{AskedArgs, FindingsArgs, GroupArg, StatsArgs},
    selection, sessions,
};

/// Prints a row of numbers for each model, agent, tool or day.
pub(crate) fn stats(args: &StatsArgs, by: GroupArg, output: &mut Output) -> Result<Verdict, Failure> {
    let paths = args.bundles.iter().map(PathBuf::from).collect();
    ask(&args.asked, paths, &statement(by), Options::default(), output)
}

/// Returns the folder with many bundles or sessions that a question is about, if it is about one.
pub(crate) fn many(args: &FindingsArgs) -> Option<PathBuf> {
    let path = args.bundle.as_ref().map(PathBuf::from)?;
    let is_many = path.is_dir() && !holds_bundle(&path) && sessions::session_of(&path).is_none();
    (is_many && !args.asked.choice.is_of_one()).then_some(path)
}

/// Prints the findings of many rollouts: with `--json` each of them, else how many there are of each kind.
pub(crate) fn findings(args: &FindingsArgs, root: PathBuf, output: &mut Output) -> Result<Verdict, Failure> {
    let (statement, content) = match args.asked.json {
        true => (EACH_FINDING, Content::Full),
        false => (FINDINGS_BY_CODE, Content::None),
    };
    ask(&args.asked, vec![root], statement, Options { content, max_text: 0 }, output)
}

const EACH_FINDING: &str = "\
SELECT r.bundle, f.rollout_id, f.code, f.severity, f.ids, f.seq, f.certainty, f.note
FROM findings f JOIN rollouts r ON r.trace_id = f.trace_id AND r.state_hash = f.state_hash
ORDER BY r.started_at, r.trace_id, r.state_hash, f.ordinal";

const FINDINGS_BY_CODE: &str = "\
SELECT f.severity, f.code, count(*) AS findings, count(DISTINCT f.trace_id) AS rollouts, min(r.bundle) AS for_example
FROM findings f JOIN rollouts r ON r.trace_id = f.trace_id AND r.state_hash = f.state_hash
GROUP BY f.severity, f.code ORDER BY f.severity = 'note', f.severity = 'warning', findings DESC, f.code";

fn ask(
    asked: &AskedArgs,
    paths: Vec<PathBuf>,
    statement: &str,
    options: Options,
    output: &mut Output,
) -> Result<Verdict, Failure> {
    let paths = asked.choice.or_root(paths)?;
    let selected = selection::select(&BundleArgs::of(paths, asked.choice.is_of_one(), None));
    let form = if asked.json { Form::Json } else { Form::Table };
    ask_in_memory(selected, statement, (options, asked.choice.reading()), form, output)
}

/// Returns the statement that adds up rollouts by something.
///
/// A rollout that has several models, agents or tools counts in the row of each, with its wall time and its findings.
fn statement(by: GroupArg) -> String {
    let (of_call, of_tool) = match by {
        GroupArg::Model => ("c.model", "q.model"),
        GroupArg::Agent => ("h.agent_path", "h.agent_path"),
        GroupArg::Tool => ("t.name", "t.name"),
        GroupArg::Day => ("date(r.started_at / 1000000, 'unixepoch')", "date(r.started_at / 1000000, 'unixepoch')"),
    };
    // By tool, the requests are those whose responses asked for the tool, each once.
    let calls = match by {
        GroupArg::Tool => format!(
            "SELECT DISTINCT {of_call} AS key, c.* FROM inference_calls c JOIN tool_calls t ON t.trace_id = c.trace_id \
            AND t.state_hash = c.state_hash AND t.requested_by = c.inference_call_id"
        ),
        _ => format!(
            "SELECT {of_call} AS key, c.* FROM inference_calls c \
            LEFT JOIN threads h ON h.trace_id = c.trace_id AND h.state_hash = c.state_hash AND h.thread_id = c.thread_id \
            JOIN rollouts r ON r.trace_id = c.trace_id AND r.state_hash = c.state_hash"
        ),
    };
    format!(
        "\
WITH calls AS ({calls}),
tools AS (
  SELECT {of_tool} AS key, t.* FROM tool_calls t
  JOIN rollouts r ON r.trace_id = t.trace_id AND r.state_hash = t.state_hash
  LEFT JOIN threads h ON h.trace_id = t.trace_id AND h.state_hash = t.state_hash AND h.thread_id = t.thread_id
  LEFT JOIN inference_calls q
    ON q.trace_id = t.trace_id AND q.state_hash = t.state_hash AND q.inference_call_id = t.requested_by
),
of_calls AS (
  SELECT key, trace_id, state_hash, count(*) AS requests, sum(input_tokens) AS input_tokens,
    sum(cached_input_tokens) AS cached_input_tokens, sum(output_tokens) AS output_tokens,
    sum(ended_at - started_at) / 1000 AS model_ms
  FROM calls WHERE key IS NOT NULL GROUP BY key, trace_id, state_hash
),
of_tools AS (
  SELECT key, trace_id, state_hash, count(*) AS tool_calls,
    sum(status IN ('failed', 'cancelled', 'aborted')) AS tool_calls_failed
  FROM tools WHERE key IS NOT NULL GROUP BY key, trace_id, state_hash
),
keys AS (
  SELECT key, trace_id, state_hash FROM of_calls UNION SELECT key, trace_id, state_hash FROM of_tools
  {of_all}
),
of_rollouts AS (
  SELECT trace_id, state_hash, sum(ms) AS wall_ms FROM time WHERE thread_id IS NULL GROUP BY trace_id, state_hash
),
found AS (
  SELECT trace_id, state_hash, sum(severity = 'error') AS errors, sum(severity = 'warning') AS warnings,
    sum(severity = 'note') AS notes
  FROM findings GROUP BY trace_id, state_hash
)
SELECT k.key AS {by}, count(*) AS rollouts, coalesce(sum(c.requests), 0) AS requests, sum(c.input_tokens) AS input_tokens,
  sum(c.cached_input_tokens) AS cached_input_tokens, sum(c.output_tokens) AS output_tokens,
  coalesce(sum(t.tool_calls), 0) AS tool_calls, coalesce(sum(t.tool_calls_failed), 0) AS tool_calls_failed,
  coalesce(sum(w.wall_ms), 0) AS wall_ms, coalesce(sum(c.model_ms), 0) AS model_ms,
  coalesce(sum(f.errors), 0) AS errors, coalesce(sum(f.warnings), 0) AS warnings, coalesce(sum(f.notes), 0) AS notes
FROM keys k
LEFT JOIN of_calls c ON c.key = k.key AND c.trace_id = k.trace_id AND c.state_hash = k.state_hash
LEFT JOIN of_tools t ON t.key = k.key AND t.trace_id = k.trace_id AND t.state_hash = k.state_hash
LEFT JOIN of_rollouts w ON w.trace_id = k.trace_id AND w.state_hash = k.state_hash
LEFT JOIN found f ON f.trace_id = k.trace_id AND f.state_hash = k.state_hash
GROUP BY k.key ORDER BY k.key",
        by = by.as_str(),
        // A day has also the rollouts without any request.
        of_all = match by {
            GroupArg::Day => format!("UNION SELECT {of_call}, trace_id, state_hash FROM rollouts r"),
            _ => String::new(),
        },
    )
}
