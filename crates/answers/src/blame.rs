//! Who fills the context, times how often it was carried.
//!
//! Source: questions, section 5.

mod axis;
mod text;

use std::collections::{HashMap, HashSet};

use rollout_trace_model::{InferenceCall, ItemId};
use rollout_trace_schema::ThreadId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{DefinitionId, ESTIMATOR, RequestFacts, Sizes, Usage, rollout::Rollout};
use axis::Keys;

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

/// The sums of one key.
#[derive(Debug, Default)]
struct Sums {
    parts: HashSet<Part>,
    once: u64,
    calls: usize,
    last_call: usize,
    rent: u64,
    bytes: u64,
    media: u64,
    cached: u64,
    known: u64,
    is_known: bool,
}

impl Blame {
    /// Answers who fills the context of all agents, or of one thread.
    pub fn of(rollout: &Rollout<'_>, by: Axis, thread: Option<&ThreadId>) -> Self {
        let mut book =
            Book { rollout, keys: Keys::new(rollout, by), sums: HashMap::new(), totals: BlameTotals::default() };
        for call in rollout.calls() {
            if thread.is_none_or(|thread| call.thread_id == *thread) {
                book.add(call);
            }
        }
        let Book { sums, mut totals, .. } = book;
        if totals.calls_with_usage > 0 {
            let estimate = totals.tokens_estimate_of_calls_with_usage;
            totals.residual_tokens = Some(totals.input_tokens.saturating_sub_unsigned(estimate));
        }
        let mut rows: Vec<_> = sums.into_iter().map(|(key, sums)| sums.row(key, totals.tokens_estimate)).collect();
        rows.sort_by(|left, right| {
            right.rent_tokens_estimate.cmp(&left.rent_tokens_estimate).then_with(|| left.key.cmp(&right.key))
        });
        Self { question: "blame", by, thread: thread.cloned(), rows, totals, estimator: ESTIMATOR }
    }
}

/// The sums so far.
struct Book<'r, 'a> {
    rollout: &'r Rollout<'a>,
    keys: Keys<'r, 'a>,
    sums: HashMap<String, Sums>,
    totals: BlameTotals,
}

impl Book<'_, '_> {
    fn add(&mut self, call: &InferenceCall) {
        self.totals.calls += 1;
        let Some(request) = self.rollout.facts().request(&call.inference_call_id) else {
            self.totals.unreadable_requests += 1;
            add(&mut self.totals.input_tokens_of_unreadable, call.usage.map_or(0, |usage| usage.input_tokens));
            return;
        };
        let usage = Usage::of(self.rollout, call);
        let estimate = usage.input_tokens_estimate.unwrap_or_default();
        let mut cached = None;
        if let Some(reported) = usage.reported {
            self.totals.calls_with_usage += 1;
            self.totals.tokens_estimate_of_calls_with_usage += estimate;
            add(&mut self.totals.input_tokens, reported.input_tokens);
            add(&mut self.totals.cached_input_tokens, reported.cached_input_tokens);
            add(&mut self.totals.output_tokens, reported.output_tokens);
            add(&mut self.totals.reasoning_output_tokens, reported.reasoning_output_tokens);
            if usage.fits == Some(true) {
                self.totals.calls_that_fit += 1;
                let whole = i128::from(estimate) * i128::from(reported.cached_input_tokens);
                let whole = whole.max(0) / i128::from(reported.input_tokens);
                cached = Some(u64::try_from(whole).unwrap_or(u64::MAX));
            }
        }
        self.totals.tokens_estimate += estimate;
        let mut place = 0;
        for part in parts(request, call) {
            let sizes = self.sizes(part);
            let key = self.keys.of(part, call);
            let sums = self.sums.entry(key).or_default();
            if sums.parts.insert(part) {
                sums.once += sizes.tokens_estimate;
            }
            if sums.last_call != self.totals.calls {
                sums.last_call = self.totals.calls;
                sums.calls += 1;
            }
            sums.rent += sizes.tokens_estimate;
            sums.bytes += sizes.bytes;
            sums.media += sizes.media_parts;
            self.totals.media_parts += sizes.media_parts;
            if let Some(cached) = cached {
                sums.is_known = true;
                sums.known += sizes.tokens_estimate;
                sums.cached += cached.saturating_sub(place).min(sizes.tokens_estimate);
            }
            place += sizes.tokens_estimate;
        }
    }

    fn sizes(&self, part: Part) -> Sizes {
        match part {
            Part::Tool(id) | Part::Instructions(id) | Part::OutputFormat(id) => {
                self.rollout.facts().definition(id).sizes
            }
            Part::Item(item) => self.rollout.sizes(item),
        }
    }
}

/// Adds what a provider reported. Such a number can be any.
fn add(sum: &mut i64, tokens: i64) {
    *sum = sum.saturating_add(tokens);
}

/// Returns the parts of a request in the order in which they are taken to be rendered.
fn parts<'r>(request: &'r RequestFacts, call: &'r InferenceCall) -> impl Iterator<Item = Part> + 'r {
    let tools = request.tools.iter().copied().map(Part::Tool);
    let instructions = request.instructions.map(Part::Instructions);
    let output_format = request.output_format.map(Part::OutputFormat);
    tools.chain(instructions).chain(output_format).chain(call.request_item_ids.iter().map(Part::Item))
}

impl Sums {
    fn row(self, key: String, rent: u64) -> BlameRow {
        let share = if rent == 0 { 0.0 } else { self.rent as f64 / rent as f64 };
        BlameRow {
            key,
            parts: self.parts.len(),
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
