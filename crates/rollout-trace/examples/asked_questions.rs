//! Asks a bundle all questions to count their instructions: `asked_questions BUNDLE`. `just question-costs` counts them.
//!
//! Only the instructions in [`counted`] are counted, once for each name that is printed: first those of reducing the
//! bundle, then those of building the indexes, then those of each question, with the graph and the indexes in memory.

use std::{cell::Cell, env, hint::black_box, process::ExitCode};

use rollout_trace::{
    Bundle,
    answers::{
        Axis, Blame, Context, ContextDiff, CriticalPath, Diff, Facts, Findings, Grep, Node, Persons, Regex, Rollout,
        Search, Stats, Time, Unseen, Verdict, Why,
    },
    model::{InferenceCall, ItemId, RolloutTrace},
    reduce_with_facts,
};

#[expect(clippy::print_stderr, reason = "the example is a program")]
fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        eprintln!("usage: asked_questions BUNDLE");
        return ExitCode::from(2);
    };
    let bundle = match Bundle::open(&path) {
        Ok(bundle) => bundle,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (graph, facts) = count("reduce", || reduce_with_facts(&bundle));
    // The item that was seen last has the longest way to its cause.
    let item = graph.conversation_items.keys().next_back().copied().unwrap_or(ItemId(0));
    let asked = Asked { bundle: &bundle, graph: &graph, facts: &facts };
    asked.indexes(item);
    asked.all(item);
    ExitCode::SUCCESS
}

/// Runs what is to be counted. It is a separate function so that the counter can find it by name.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

/// Counts what makes a value, and prints the name of the count.
#[expect(clippy::print_stdout, reason = "the example is a program")]
fn count<T>(name: &str, make: impl FnOnce() -> T) -> T {
    let (make, made) = (Cell::new(Some(make)), Cell::new(None));
    counted(&mut || made.set(make.take().map(|make| make())));
    println!("{name}");
    made.into_inner().expect("`counted` runs its work once")
}

/// What is asked.
#[derive(Clone, Copy)]
struct Asked<'a> {
    bundle: &'a Bundle,
    graph: &'a RolloutTrace,
    facts: &'a Facts,
}

impl<'a> Asked<'a> {
    /// Counts building the indexes, which the first question for an origin does.
    fn indexes(self, item: ItemId) {
        let mut payloads = self.bundle.payloads();
        count("indexes", || {
            let rollout = Rollout::new(self.graph, self.facts, &mut payloads, self.bundle.limits());
            black_box(rollout.origin(item));
        });
    }

    /// Counts a question. No answer is remembered from the question before, but the indexes are there.
    fn question<T>(self, name: &str, item: ItemId, ask: impl FnOnce(&Rollout<'_>) -> T) {
        let mut payloads = self.bundle.payloads();
        let rollout = Rollout::new(self.graph, self.facts, &mut payloads, self.bundle.limits());
        rollout.origin(item);
        black_box(count(name, || ask(&rollout)));
    }

    fn all(self, item: ItemId) {
        self.question("why", item, |rollout| Why::of(rollout, &Node::Item(item), None));
        if let Some(call) = self.longest_call() {
            self.question("why @", item, |rollout| Why::of(rollout, &Node::Item(item), Some(call)));
            self.question("context", item, |rollout| Context::of(rollout, call));
            self.question("context --diff", item, |rollout| ContextDiff::of(rollout, call));
        }
        for by in Axis::ALL {
            self.question(&format!("blame --by {}", by.as_str()), item, |rollout| Blame::of(rollout, by, None));
        }
        self.question("findings", item, Findings::of);
        self.question("stats", item, Stats::of);
        self.question("time", item, |rollout| Time::of(rollout.graph()));
        self.question("critical-path", item, |rollout| CriticalPath::of(rollout.graph()));
        self.question("verdict", item, Verdict::of);
        for pattern in ["panicked", "(?i)PANICKED", r"^error(?:\[E\d+\])?: ", "[a-z]"] {
            let search = Search::everywhere(Regex::new(pattern).expect("the pattern is valid"));
            self.question(&format!("grep {pattern}"), item, |rollout| Grep::of(rollout, &search));
        }
        self.question("unseen", item, Unseen::of);
        let (mut payloads, mut others) = (self.bundle.payloads(), self.bundle.payloads());
        let [a, b] = [&mut payloads, &mut others].map(|payloads| {
            let rollout = Rollout::new(self.graph, self.facts, payloads, self.bundle.limits());
            rollout.origin(item);
            rollout
        });
        black_box(count("diff with itself", || Diff::of(&a, &b, Persons::Compared)));
    }

    /// Returns the call with the longest context.
    fn longest_call(self) -> Option<&'a InferenceCall> {
        self.graph.inference_calls.values().max_by_key(|call| call.request_item_ids.len())
    }
}
