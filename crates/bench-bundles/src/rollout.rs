//! Recording whole rollouts: turns, commands, terminals, code cells, child agents, messages and compactions.

use std::{io, path::Path};

use rollout_trace_recorder::{
    ExecutionStatus, MemorySink, PayloadLayout, SessionSource, ThreadTraceContext, TraceOptions,
};

use crate::{
    named::reproducible,
    traced_agent::{TracedAgent, World, metadata},
};

/// How large a rollout is and what happens in it.
#[derive(Clone, Copy, Debug)]
pub struct Rollout {
    /// How its payloads are stored.
    pub layout: PayloadLayout,
    /// How many requests the root agent sends.
    pub trips: usize,
    /// How many of these requests make a turn. The last one ends the turn with a message.
    pub trips_per_turn: usize,
    /// The trips after which a child agent is spawned.
    pub child_after: &'static [usize],
    /// How many requests a child agent sends, all in one turn.
    pub trips_of_child: usize,
    /// The number of trips between compactions of the history.
    pub compact_every: Option<usize>,
    /// How many bytes a command prints on average.
    pub output_bytes: usize,
    /// The seed, which decides the ids, the texts and which tools are called.
    pub seed: u64,
}

impl Rollout {
    /// Records the rollout into an empty folder.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to.
    pub fn record(&self, folder: &Path) -> io::Result<()> {
        let memory = MemorySink::new();
        let options = reproducible(TraceOptions::new(), self.seed).layout(self.layout).memory_sink(&memory);
        let mut world = World::new(self.seed, self.output_bytes);
        let thread_id = world.chance.uuid();
        let metadata = metadata(&thread_id, "/root", SessionSource::program("exec"));
        let trace = ThreadTraceContext::start_root(folder, metadata, options).map_err(io::Error::other)?;
        let mut root = TracedAgent::new(&mut world, trace.clone(), &thread_id);
        self.run(&mut root, &mut world);
        trace.record_ended(ExecutionStatus::Completed);
        drop((root, trace));
        memory.write_to(folder)
    }

    fn run(&self, root: &mut TracedAgent, world: &mut World) {
        for trip in 0..self.trips {
            if trip % self.trips_per_turn == 0 {
                root.start_turn(world);
            }
            if trip % self.trips_per_turn + 1 == self.trips_per_turn || trip + 1 == self.trips {
                root.answer(world);
                root.end_turn();
                continue;
            }
            if self.child_after.contains(&trip) {
                root.delegate(world, self.trips_of_child);
            } else {
                root.act(world);
            }
            if self.compact_every.is_some_and(|every| trip % every == every / 2) {
                root.compact(world);
            }
        }
    }
}
