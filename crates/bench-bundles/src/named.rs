//! The names of the bundles.

use std::{
    fs, io,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use rollout_trace_recorder::{MemorySink, PayloadLayout, ThreadTraceContext, TraceOptions};

use crate::{
    captured::{Captured, CapturedApi},
    prose::Chance,
    request,
    rollout::Rollout,
    session::{Session, Traced},
    synthetic::{Form, Shape},
};

/// A bundle that measurements refer to by name.
pub struct Named {
    /// The name, which always means the same bundle.
    pub name: &'static str,
    /// What the bundle contains.
    pub about: &'static str,
    /// Writes the bundle into an empty folder.
    pub make: fn(&Path) -> io::Result<()>,
}

/// All bundles that have a name.
pub const NAMED: [Named; 15] = [
    Named {
        name: "syn50",
        about: "50 trips to the model and a child agent, one pretty-printed file per payload (11 MB)",
        make: |folder| synthetic(50, Form::Files, folder),
    },
    Named {
        name: "syn300",
        about: "the same with 300 trips (264 MB)",
        make: |folder| synthetic(300, Form::Files, folder),
    },
    Named {
        name: "syn600",
        about: "the same with 600 trips (1 GB)",
        make: |folder| synthetic(600, Form::Files, folder),
    },
    Named {
        name: "syn50-shards",
        about: "the documents of syn50 in shards (schema 3), each in one piece",
        make: |folder| synthetic(50, Form::Shards, folder),
    },
    Named {
        name: "syn600-shards",
        about: "the documents of syn600 in shards (schema 3), each in one piece",
        make: |folder| synthetic(600, Form::Shards, folder),
    },
    Named {
        name: "syn600-codex-shards",
        about: "the same as Codex writes them, with a prompt for each request, whose items are shared parts",
        make: |folder| synthetic(600, Form::ShardsOfCodex, folder),
    },
    Named {
        name: "messages600",
        about: "600 trips over the Messages API, without tool events, one compact file per payload",
        make: |folder| captured(CapturedApi::Messages, folder),
    },
    Named {
        name: "chat600",
        about: "the same over Chat Completions",
        make: |folder| captured(CapturedApi::ChatCompletions, folder),
    },
    Named {
        name: "gemini600",
        about: "the same over Gemini",
        make: |folder| captured(CapturedApi::GenerateContent, folder),
    },
    Named {
        name: "code-assist600",
        about: "the same over Gemini through Code Assist",
        make: |folder| captured(CapturedApi::CodeAssist, folder),
    },
    Named { name: "s300", about: "a recorded session of 300 requests, packed (1.8 MB)", make: recorded_session },
    Named {
        name: "large",
        about: "150 requests of two agents with terminals and code cells, one file per payload (66 MB)",
        make: |folder| LARGE.record(folder),
    },
    Named {
        name: "long100k",
        about: "100,000 events of an agent with children and compactions, packed (114 MB)",
        make: |folder| LONG.record(folder),
    },
    Named { name: "many1k", about: "1,000 small bundles under one root", make: |folder| many(1_000, folder) },
    Named { name: "many10k", about: "10,000 small bundles under one root", make: |folder| many(10_000, folder) },
];

const LARGE: Rollout = Rollout {
    layout: PayloadLayout::Files,
    trips: 112,
    trips_per_turn: 8,
    child_after: &[20],
    trips_of_child: 38,
    compact_every: None,
    output_bytes: 8_000,
    seed: 1,
};

/// With this seed and this many trips, it has exactly 100,000 events.
const LONG: Rollout = Rollout {
    layout: PayloadLayout::Packed,
    trips: 10_247,
    trips_per_turn: 12,
    child_after: &[500, 2_500, 5_000, 7_500],
    trips_of_child: 40,
    compact_every: Some(60),
    output_bytes: 2_000,
    seed: 21,
};

fn synthetic(trips: usize, form: Form, folder: &Path) -> io::Result<()> {
    Shape::of_trips(trips).write(form, folder);
    Ok(())
}

fn captured(api: CapturedApi, folder: &Path) -> io::Result<()> {
    Captured { api, trips: 600 }.write(folder);
    Ok(())
}

fn recorded_session(folder: &Path) -> io::Result<()> {
    let memory = MemorySink::new();
    let options = reproducible(TraceOptions::new(), 3).memory_sink(&memory);
    let trace = ThreadTraceContext::start_root(folder, request::metadata(0), options).map_err(io::Error::other)?;
    let mut traced = Traced::new(trace);
    let mut session = Session::new(1);
    for turn in 0..300 {
        session.turn(turn, &mut traced);
    }
    traced.end();
    memory.write_to(folder)
}

/// Makes this many bundles, which differ in length, layout and number of agents.
fn many(bundles: u64, root: &Path) -> io::Result<()> {
    for number in 0..bundles {
        let rollout = Rollout {
            layout: if number % 4 == 3 { PayloadLayout::Packed } else { PayloadLayout::Files },
            trips: 2 + (number % 5) as usize,
            trips_per_turn: 2 + (number % 3) as usize,
            child_after: if number % 7 == 0 { &[1] } else { &[] },
            trips_of_child: 2,
            compact_every: None,
            output_bytes: 300,
            seed: 1_000 + number,
        };
        let folder = root.join(format!("trace-{number:05}"));
        fs::create_dir(&folder)?;
        rollout.record(&folder)?;
    }
    Ok(())
}

/// Makes a recording reproducible: its clock advances by 7 ms whenever it is read, and its ids follow from the seed.
pub(crate) fn reproducible(options: TraceOptions, seed: u64) -> TraceOptions {
    // Rollouts of different seeds start an hour apart.
    let clock = AtomicI64::new(1_700_000_000_000 + i64::try_from(seed).unwrap_or(0) * 3_600_000);
    let ids = Mutex::new(Chance::new(!seed));
    options
        .clock(move || clock.fetch_add(7, Ordering::Relaxed))
        .ids(move || ids.lock().unwrap_or_else(PoisonError::into_inner).uuid())
}
