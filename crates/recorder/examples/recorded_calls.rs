//! Makes recording calls to count their instructions: `recorded_calls WORKLOAD COUNT`. `just instructions` counts them.
//!
//! Only the instructions in [`counted`] are counted; the values to record are made outside of it.

use std::{env, hint::black_box, process::ExitCode};

use rollout_trace_recorder::{
    ExecutionStatus, InferenceTraceAttempt, SessionSource, ThreadStartedTraceMetadata, ThreadTraceContext,
    ToolDispatchInvocation, ToolDispatchPayload, ToolDispatchResult, TraceOptions,
};
use serde_json::{Value, json};

/// A turn id with the length of those in real rollouts.
const TURN: &str = "0199a213-81c0-7800-8aa1-bbab2a035a53";

#[expect(clippy::print_stderr, reason = "the example is a program")]
fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(workload), Some(count)) = (arguments.next(), arguments.next().and_then(|count| count.parse().ok()))
    else {
        eprintln!("usage: recorded_calls disabled|event|turn|tool-call|new-2k|grown-64k|grown-1m COUNT");
        return ExitCode::from(2);
    };
    match workload.as_str() {
        "disabled" => disabled(count),
        "event" => events(count),
        "turn" => turns(count),
        "tool-call" => tool_calls(count),
        "new-2k" => requests(count, &(|round| request(round + 1, 1, 2 << 10))),
        "grown-64k" => requests(count, &(|round| grown(round, 64 << 10))),
        "grown-1m" => requests(count, &(|round| grown(round, 1 << 20))),
        _ => {
            eprintln!("{workload} is not a workload");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// Runs the calls to be counted. It is a separate function so that the counter can find it by name.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

/// Makes four kinds of calls with tracing off.
fn disabled(count: usize) {
    let (trace, attempt) = (ThreadTraceContext::disabled(), InferenceTraceAttempt::disabled());
    let request = vec!["a request that is never looked at"; 100];
    counted(&mut || {
        for _ in 0..count {
            let (trace, attempt) = (black_box(&trace), black_box(&attempt));
            attempt.record_started(&request);
            trace.record_protocol_event("event", &request);
            let _ = trace.start_tool_dispatch_trace(|| unreachable!("built only if tracing is on"));
            trace.record_codex_turn_ended("turn", ExecutionStatus::Completed);
        }
    });
}

/// Records events without a payload.
fn events(count: usize) {
    let folder = tempfile::tempdir().expect("temporary files can be made");
    let trace = start(folder.path());
    counted(&mut || {
        for _ in 0..count {
            trace.record_codex_turn_started(TURN);
        }
    });
}

/// Records turns that start and end.
fn turns(count: usize) {
    let folder = tempfile::tempdir().expect("temporary files can be made");
    let trace = start(folder.path());
    let turns: Vec<_> = (0..count).map(|turn| format!("{}-{turn:06}", &TURN[..29])).collect();
    counted(&mut || {
        for turn in &turns {
            trace.record_codex_turn_started(turn.as_str());
            trace.record_codex_turn_ended(turn.as_str(), ExecutionStatus::Completed);
        }
    });
}

/// Records tool calls that start and complete, with arguments and an output of less than 100 bytes.
fn tool_calls(count: usize) {
    let folder = tempfile::tempdir().expect("temporary files can be made");
    let trace = start(folder.path());
    let output = json!({"type": "function_call_output", "call_id": "call_0", "output": text(1, 100)});
    let calls: Vec<_> = (0..count).map(|call| format!("call_{call:024x}")).collect();
    counted(&mut || {
        for call in &calls {
            let dispatch = trace.start_tool_dispatch_trace(|| {
                let arguments = ToolDispatchPayload::function(r#"{"cmd":"cargo test --workspace","workdir":"/work"}"#);
                Some(ToolDispatchInvocation::new(TURN, call.as_str(), "exec_command", arguments))
            });
            let result = ToolDispatchResult::DirectResponse { response_item: &output };
            dispatch.record_completed(ExecutionStatus::Completed, result);
        }
    });
}

/// Records requests, after one that is not counted.
fn requests(count: usize, request: &dyn Fn(usize) -> Value) {
    let folder = tempfile::tempdir().expect("temporary files can be made");
    let trace = start(folder.path());
    record(&trace, &request(0));
    for round in 1..=count {
        let request = request(round);
        counted(&mut || record(&trace, &request));
    }
}

fn record(trace: &ThreadTraceContext, request: &Value) {
    let attempt = trace.inference_trace_context(TURN, "a-model", "a-provider").start_attempt();
    attempt.record_started(request);
    // Dropping an attempt without an end would record one.
    std::mem::forget(attempt);
}

/// A request of `bytes` and three items for each round: the request of the round before with three more.
fn grown(round: usize, bytes: usize) -> Value {
    const ITEM_BYTES: usize = 1_600;
    request(1, bytes / ITEM_BYTES + 3 * round, ITEM_BYTES)
}

/// A request with so many items of about so many bytes, all of which differ for each seed.
fn request(seed: usize, items: usize, bytes: usize) -> Value {
    let items = (0..items).map(|item| {
        let text = text(seed * 10_000 + item, bytes);
        json!({"type": "message", "id": format!("msg_{seed:08x}{item:024x}"), "role": "user",
               "content": [{"type": "input_text", "text": text}]})
    });
    json!({
        "model": "a-model", "instructions": text(seed, 200), "input": items.collect::<Vec<_>>(),
        "tools": [{"type": "function", "name": "exec_command", "description": text(seed, 100), "strict": false}],
        "tool_choice": "auto", "parallel_tool_calls": true, "prompt_cache_key": TURN,
    })
}

/// Lines that look like source code and differ for each seed.
fn text(seed: usize, bytes: usize) -> String {
    const WORDS: [&str; 8] =
        ["let value = ", "self.items", ".iter()", "\"a string\"", "naïve", " => ", "fn read", "0x1f"];
    let mut text = format!("// {seed}\n");
    let mut state = (seed as u64).wrapping_mul(7919).wrapping_add(1);
    while text.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(state >> 61) as usize]);
        if state >> 40 & 7 == 0 {
            text.push_str(";\n    ");
        }
    }
    text
}

fn start(folder: &std::path::Path) -> ThreadTraceContext {
    let source = SessionSource::program("count");
    let metadata = ThreadStartedTraceMetadata::new("0199a213-81c0-7800-8aa1-bbab2a035a54", "/root", source)
        .cwd("/work")
        .model("a-model", "a-provider")
        .policies("never", "none");
    ThreadTraceContext::start_root(folder, metadata, TraceOptions::new()).expect("a bundle can be made in a new folder")
}
