//! How often requests carried the parts of the context, and what that adds up to.
//!
//! Requests repeat nearly everything that the requests before them carried. So nothing is done for each item of each
//! request: the lists of items are gone through run by run, and items that a request shares with the one before stay
//! counted.

use std::ops::{AddAssign, Neg};

use rollout_trace_model::{InferenceCall, ItemId, ItemRun, map::HashMap};

use super::{Part, axis::Keys};
use crate::{DefinitionId, RequestFacts, Sizes, rollout::Rollout};

/// A request that carries parts.
pub(super) struct Carrier<'r> {
    pub(super) call: &'r InferenceCall,
    pub(super) request: &'r RequestFacts,
    /// How many tokens, from the first, were cached. `None` if it is unknown.
    pub(super) cached: Option<u64>,
}

impl<'r> Carrier<'r> {
    /// Returns the parts before the items, in the order in which they are taken to be rendered.
    fn definitions(&self) -> impl Iterator<Item = (Part, DefinitionId)> + 'r {
        let request = self.request;
        let tools = request.tools.iter().map(|id| (Part::Tool(*id), *id));
        let instructions = request.instructions.map(|id| (Part::Instructions(id), id));
        let output_format = request.output_format.map(|id| (Part::OutputFormat(id), id));
        tools.chain(instructions).chain(output_format)
    }

    /// Returns the name of the agent that made the request.
    pub(super) fn agent(&self, rollout: &'r Rollout<'_>) -> &'r str {
        rollout.agent(&self.call.thread_id)
    }

    fn has_definitions_of(&self, other: &Self) -> bool {
        let of = |carrier: &Self| (carrier.request.instructions, carrier.request.output_format);
        of(self) == of(other) && self.request.tools == other.request.tools
    }
}

/// The sums of one key.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) parts: usize,
    pub(super) once: u64,
    pub(super) calls: usize,
    pub(super) rent: u64,
    pub(super) bytes: u64,
    pub(super) media: u64,
    pub(super) cached: u64,
    pub(super) known: u64,
    pub(super) is_known: bool,
    /// How many parts of the request that is looked at have the key.
    held: usize,
    /// The number of the first request since which there are such parts.
    since: usize,
}

impl Sums {
    fn add(&mut self, sizes: Sizes, times: Times) {
        let (all, known, whole) = (count(times.all), count(times.known), count(times.whole));
        self.parts += 1;
        self.once += sizes.tokens_estimate;
        self.rent += sizes.tokens_estimate * all;
        self.bytes += sizes.bytes * all;
        self.media += sizes.media_parts * all;
        self.cached += sizes.tokens_estimate * whole;
        self.known += sizes.tokens_estimate * known;
        self.is_known |= known > 0;
    }

    fn hold(&mut self, request: usize) {
        if self.held == 0 {
            self.since = request;
        }
        self.held += 1;
    }

    fn release(&mut self, request: usize) {
        self.held -= 1;
        if self.held == 0 {
            self.calls += request - self.since;
        }
    }
}

/// How often a part was carried, or how much more often than the part before it.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    /// By all requests.
    all: i64,
    /// By requests of which it is known how much was cached.
    known: i64,
    /// By those of them in which the whole part was cached.
    whole: i64,
}

impl AddAssign for Times {
    fn add_assign(&mut self, other: Self) {
        self.all += other.all;
        self.known += other.known;
        self.whole += other.whole;
    }
}

impl Neg for Times {
    type Output = Self;

    fn neg(self) -> Self {
        Self { all: -self.all, known: -self.known, whole: -self.whole }
    }
}

fn count(times: i64) -> u64 {
    times.max(0).unsigned_abs()
}

/// The sums of all keys so far.
pub(super) struct Book<'r, 'a> {
    rollout: &'r Rollout<'a>,
    keys: Keys<'r, 'a>,
    /// By the number of the key.
    sums: Vec<Sums>,
}

impl<'r, 'a> Book<'r, 'a> {
    pub(super) fn new(rollout: &'r Rollout<'a>, keys: Keys<'r, 'a>) -> Self {
        Self { rollout, keys, sums: Vec::new() }
    }

    /// Returns each key with its sums.
    pub(super) fn into_sums(self) -> impl Iterator<Item = (String, Sums)> {
        self.keys.into_names().into_iter().zip(self.sums)
    }

    /// Adds requests. If the keys are threads, they must be requests of one agent. Those of a thread come one after
    /// another.
    pub(super) fn add(&mut self, carriers: &[Carrier<'r>]) {
        let Some(first) = carriers.first() else { return };
        self.keys.begin(first.call);
        self.add_calls(carriers);
        let items = self.add_definitions(carriers);
        self.add_items(items);
    }

    fn sums(&mut self, key: usize) -> &mut Sums {
        if self.sums.len() <= key {
            self.sums.resize_with(key + 1, Sums::default);
        }
        &mut self.sums[key]
    }

    fn of(&mut self, part: Part) -> &mut Sums {
        let key = self.keys.of(part);
        self.sums(key)
    }

    /// Counts for each key the requests that carry any of its parts.
    fn add_calls(&mut self, carriers: &[Carrier<'r>]) {
        let mut last: Option<&Carrier<'r>> = None;
        for (number, carrier) in carriers.iter().enumerate() {
            let items = &carrier.call.request_item_ids;
            let has_new_definitions = last.is_none_or(|last| !carrier.has_definitions_of(last));
            let same = last.map_or(0, |last| last.call.request_item_ids.common_prefix(items));
            // Holding comes first, so that a key of which some part remains is not released in between.
            if has_new_definitions {
                carrier.definitions().for_each(|(part, _)| self.of(part).hold(number));
            }
            items.skip(same).for_each(|item| self.of(Part::Item(item)).hold(number));
            if let Some(last) = last {
                self.release(last, same, has_new_definitions, number);
            }
            last = Some(carrier);
        }
        if let Some(last) = last {
            self.release(last, 0, true, carriers.len());
        }
    }
}

impl<'r> Book<'r, '_> {
    fn release(&mut self, carrier: &Carrier<'r>, from: usize, with_definitions: bool, number: usize) {
        if with_definitions {
            carrier.definitions().for_each(|(part, _)| self.of(part).release(number));
        }
        carrier.call.request_item_ids.skip(from).for_each(|item| self.of(Part::Item(item)).release(number));
    }

    /// Adds what is not an item. Returns how often runs of items were carried, as changes at items.
    fn add_definitions(&mut self, carriers: &[Carrier<'r>]) -> Vec<(u64, Times)> {
        let facts = self.rollout.facts();
        let mut definitions: HashMap<DefinitionId, (Part, Times)> = HashMap::default();
        let mut items = Vec::new();
        for carrier in carriers {
            let mut left = carrier.cached;
            for (part, id) in carrier.definitions() {
                let tokens = facts.definition(id).sizes.tokens_estimate;
                let (_, times) = definitions.entry(id).or_insert((part, Times::default()));
                *times += Times { all: 1, known: i64::from(left.is_some()), whole: 0 };
                match &mut left {
                    Some(left) if *left >= tokens => {
                        times.whole += 1;
                        *left -= tokens;
                    }
                    // The last part of which anything was cached.
                    Some(left) => self.of(part).cached += std::mem::take(left),
                    None => {}
                }
            }
            for run in carrier.call.request_item_ids.runs() {
                self.carry(run, &mut left, &mut items);
            }
        }
        for (id, (part, times)) in definitions {
            self.of(part).add(facts.definition(id).sizes, times);
        }
        items
    }

    /// Notes that a request carried a run of items, of which as many tokens as are `left` were cached.
    fn carry(&mut self, run: ItemRun, left: &mut Option<u64>, changes: &mut Vec<(u64, Times)>) {
        let (start, end) = (u64::from(run.first.0), u64::from(run.first.0) + u64::from(run.count));
        let mut change = |start: u64, end: u64, times: Times| changes.extend([(start, times), (end, -times)]);
        change(start, end, Times { all: 1, known: i64::from(left.is_some()), whole: 0 });
        let Some(left) = left.as_mut().filter(|left| **left > 0) else { return };
        let (tokens, first_cut) = self.rollout.fitting(run, *left);
        *left -= tokens;
        change(start, first_cut.map_or(end, |item| u64::from(item.0)), Times { all: 0, known: 0, whole: 1 });
        if let Some(item) = first_cut {
            self.of(Part::Item(item)).cached += std::mem::take(left);
        }
    }

    /// Adds items by the changes of how often they were carried.
    fn add_items(&mut self, mut changes: Vec<(u64, Times)>) {
        changes.sort_unstable_by_key(|(item, _)| *item);
        let mut times = Times::default();
        for (place, (start, change)) in changes.iter().enumerate() {
            times += *change;
            let end = changes.get(place + 1).map_or(*start, |(item, _)| *item);
            if times.all > 0 && *start < end {
                self.add_equal_items(*start, end, times);
            }
        }
    }

    /// Adds the items with these numbers, all of which were carried equally often.
    fn add_equal_items(&mut self, start: u64, end: u64, times: Times) {
        let Ok(first) = u32::try_from(start) else { return };
        let items = self.rollout.graph().conversation_items.range(ItemId(first)..);
        let mut missing = end - start;
        for (id, item) in items.take_while(|(id, _)| u64::from(id.0) < end) {
            missing -= 1;
            let sizes = self.rollout.facts().sizes(item);
            self.of(Part::Item(*id)).add(sizes, times);
        }
        if missing > 0 {
            // An item that the graph lacks has no size.
            let key = self.keys.of_missing();
            let sums = self.sums(key);
            sums.parts += usize::try_from(missing).unwrap_or(usize::MAX);
            sums.is_known |= times.known > 0;
        }
    }
}
