//! Makes calls that record nothing: `disabled_calls COUNT [empty]`. `just instructions` counts what they cost.

use std::{env, hint::black_box, process::ExitCode};

use rollout_trace_recorder::{ExecutionStatus, InferenceTraceAttempt, ThreadTraceContext};

#[expect(clippy::print_stderr, reason = "the example is a program")]
fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(calls) = arguments.next().and_then(|count| count.parse::<u64>().ok()) else {
        eprintln!("usage: disabled_calls COUNT [empty]");
        return ExitCode::from(2);
    };
    let is_empty = arguments.next().is_some();
    let (trace, attempt) = (ThreadTraceContext::disabled(), InferenceTraceAttempt::disabled());
    let request = vec!["a request that is never looked at"; 100];
    for _ in 0..calls {
        let (trace, attempt) = (black_box(&trace), black_box(&attempt));
        if !is_empty {
            attempt.record_started(&request);
            trace.record_protocol_event("event", &request);
            let _ = trace.start_tool_dispatch_trace(|| unreachable!("built only if tracing is on"));
            trace.record_codex_turn_ended("turn", ExecutionStatus::Completed);
        }
    }
    ExitCode::SUCCESS
}
