//! Who fills the context, times how often it was carried.
//!
//! Source: questions, section 5.

mod axis;
mod book;
mod text;

use rollout_trace_model::{InferenceCall, ItemId};
use rollout_trace_schema::ThreadId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{DefinitionId, ESTIMATOR, Usage, rollout::Rollout};
use axis::Keys;
use book::{Book, Carrier, Sums};

pub use axis::Axis;

/// Who fills the context, times how often it was carried. The rent of a part is its size times the number of requests
/// that carried it.
///
/// That the rent was billed is not claimed: cached tokens cost less, and failed attempts may cost nothing.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Blame {
    /// `blame`.
    pub question: &'static str,
    /// What the rows are by.
    pub by: Axis,
    /// The thread to which the answer is restricted.
    pub thread: Option<ThreadId>,
    /// The rows, by falling rent, then by key.
    pub rows: Vec<BlameRow>,
    /// The sums over all calls.
    pub totals: BlameTotals,
    /// The name of the estimator.
    pub estimator: &'static str,
}

/// All parts of requests with one key.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BlameRow {
    /// The key.
    pub key: String,
    /// How many different parts there are.
    pub parts: usize,
    /// Their size, each once.
    pub tokens_estimate_once: u64,
    /// How many calls carried any of them.
    pub calls: usize,
    /// Their size, as often as they were carried.
    pub rent_tokens_estimate: u64,
    /// The bytes, as often as they were carried.
    pub bytes_carried: u64,
    /// The images, files and audio parts, as often as they were carried.
    pub media_parts: u64,
    /// The share of the whole rent.
    pub share: f64,
    /// How much of the rent was cached, in the calls whose usage fits; null if there is none.
    pub cached_tokens_estimate: Option<u64>,
    /// The rent in the calls whose usage fits.
    pub cache_known_tokens_estimate: u64,
}

/// The sums over all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BlameTotals {
    /// The calls.
    pub calls: usize,
    /// Those whose request is not readable. They count nowhere else.
    pub unreadable_requests: usize,
    /// What the provider reported as their input.
    pub input_tokens_of_unreadable: i64,
    /// The readable calls for which the provider reported usage.
    pub calls_with_usage: usize,
    /// Those whose usage fits.
    pub calls_that_fit: usize,
    /// The whole rent.
    pub tokens_estimate: u64,
    /// The rent in calls with usage.
    pub tokens_estimate_of_calls_with_usage: u64,
    /// The reported input.
    pub input_tokens: i64,
    /// The reported cached input.
    pub cached_input_tokens: i64,
    /// The reported output.
    pub output_tokens: i64,
    /// The reported output that was reasoning.
    pub reasoning_output_tokens: i64,
    /// The reported input minus the rent in calls with usage; null if no call has usage.
    pub residual_tokens: Option<i64>,
    /// The images, files and audio parts, as often as they were carried.
    pub media_parts: u64,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Tool(DefinitionId),
    Instructions(DefinitionId),
    OutputFormat(DefinitionId),
    Item(ItemId),
}

impl Blame {
    /// Answers who fills the context of all agents, or of one thread.
    pub fn of(rollout: &Rollout<'_>, by: Axis, thread: Option<&ThreadId>) -> Self {
        let mut totals = BlameTotals::default();
        let calls = rollout.calls().iter().filter(|call| thread.is_none_or(|thread| call.thread_id == *thread));
        let mut carriers: Vec<_> = calls.filter_map(|call| totals.add(rollout, call)).collect();
        // The requests of a thread repeat each other. Those of an agent are together, too.
        carriers.sort_by_cached_key(|carrier| (carrier.agent(rollout), &carrier.call.thread_id));
        let mut book = Book::new(rollout, Keys::new(rollout, by));
        match by {
            Axis::Thread => {
                let of_agents = carriers.chunk_by(|left, right| left.agent(rollout) == right.agent(rollout));
                of_agents.for_each(|carriers| book.add(carriers));
            }
            _ => book.add(&carriers),
        }
        if totals.calls_with_usage > 0 {
            let estimate = totals.tokens_estimate_of_calls_with_usage;
            totals.residual_tokens = Some(totals.input_tokens.saturating_sub_unsigned(estimate));
        }
        let mut rows: Vec<_> = book.into_sums().map(|(key, sums)| sums.row(key, totals.tokens_estimate)).collect();
        totals.media_parts = rows.iter().map(|row| row.media_parts).sum();
        rows.sort_by(|left, right| {
            right.rent_tokens_estimate.cmp(&left.rent_tokens_estimate).then_with(|| left.key.cmp(&right.key))
        });
        Self { question: "blame", by, thread: thread.cloned(), rows, totals, estimator: ESTIMATOR }
    }
}

impl BlameTotals {
    /// Adds a call. Returns what its request carries, if that is readable.
    fn add<'r>(&mut self, rollout: &'r Rollout<'_>, call: &'r InferenceCall) -> Option<Carrier<'r>> {
        self.calls += 1;
        let Some(request) = rollout.facts().request(&call.inference_call_id) else {
            self.unreadable_requests += 1;
            add(&mut self.input_tokens_of_unreadable, call.usage.map_or(0, |usage| usage.input_tokens));
            return None;
        };
        let usage = Usage::of(rollout, call);
        let estimate = usage.input_tokens_estimate.unwrap_or_default();
        let mut cached = None;
        if let Some(reported) = usage.reported {
            self.calls_with_usage += 1;
            self.tokens_estimate_of_calls_with_usage += estimate;
            add(&mut self.input_tokens, reported.input_tokens);
            add(&mut self.cached_input_tokens, reported.cached_input_tokens);
            add(&mut self.output_tokens, reported.output_tokens);
            add(&mut self.reasoning_output_tokens, reported.reasoning_output_tokens);
            if usage.fits == Some(true) {
                self.calls_that_fit += 1;
                let whole = i128::from(estimate) * i128::from(reported.cached_input_tokens);
                let whole = whole.max(0) / i128::from(reported.input_tokens);
                cached = Some(u64::try_from(whole).unwrap_or(u64::MAX));
            }
        }
        self.tokens_estimate += estimate;
        Some(Carrier { call, request, cached })
    }
}

/// Adds what a provider reported. Such a number can be any.
fn add(sum: &mut i64, tokens: i64) {
    *sum = sum.saturating_add(tokens);
}

impl Sums {
    fn row(self, key: String, rent: u64) -> BlameRow {
        let share = if rent == 0 { 0.0 } else { self.rent as f64 / rent as f64 };
        BlameRow {
            key,
            parts: self.parts,
            tokens_estimate_once: self.once,
            calls: self.calls,
            rent_tokens_estimate: self.rent,
            bytes_carried: self.bytes,
            media_parts: self.media,
            share: (share * 10_000.0).round() / 10_000.0,
            cached_tokens_estimate: self.is_known.then_some(self.cached),
            cache_known_tokens_estimate: self.known,
        }
    }
}
