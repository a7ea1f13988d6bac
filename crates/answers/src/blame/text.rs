//! The text form.

use rollout_trace_model::Line;

use super::{Blame, BlameRow};
use crate::{usage::signed, words::grouped};

impl Blame {
    /// Returns the answer as text.
    pub fn lines(&self) -> Vec<Line> {
        let totals = &self.totals;
        let head = format!(
            "context by {} · {} calls · rent = ~tokens × calls that carried them",
            self.by.as_str(),
            totals.calls
        );
        let columns = "         ~rent   share     ~size  calls  parts   cached";
        let mut lines: Vec<Line> = vec![head.into(), columns.into()];
        lines.extend(self.rows.iter().map(row));
        let mut sum = format!(
            "  reported for {} of {} calls: {} in ({} cached), {} out; their text ~{}",
            totals.calls_with_usage,
            totals.calls,
            signed(totals.input_tokens),
            signed(totals.cached_input_tokens),
            signed(totals.output_tokens),
            grouped(totals.tokens_estimate_of_calls_with_usage)
        );
        if let Some(residual) = totals.residual_tokens {
            sum += &format!("; residual {}", signed(residual));
        }
        let misfits = totals.calls_with_usage - totals.calls_that_fit;
        if misfits > 0 {
            sum += &format!("; the usage of {misfits} does not fit its text");
        }
        lines.push(sum.into());
        if totals.unreadable_requests > 0 {
            lines.push(format!("  the requests of {} calls cannot be read", totals.unreadable_requests).into());
        }
        if totals.media_parts > 0 {
            lines.push(format!("  {} images, files or audio parts are not counted", totals.media_parts).into());
        }
        lines
    }
}

fn row(row: &BlameRow) -> Line {
    // A share of less than half of the rent says little about the whole.
    let known = row.cached_tokens_estimate.filter(|_| 2 * row.cache_known_tokens_estimate >= row.rent_tokens_estimate);
    let cached = known.filter(|_| row.cache_known_tokens_estimate > 0);
    let cached = cached.map_or_else(
        || "?".to_owned(),
        |cached| format!("{:.0}%", cached as f64 * 100.0 / row.cache_known_tokens_estimate as f64),
    );
    format!(
        "  {:>12}  {:>5.1}%  {:>8}  {:>5}  {:>5}  {cached:>7}  {}",
        grouped(row.rent_tokens_estimate),
        row.share * 100.0,
        grouped(row.tokens_estimate_once),
        row.calls,
        row.parts,
        row.key
    )
    .into()
}
