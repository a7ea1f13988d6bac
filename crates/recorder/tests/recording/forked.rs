//! A forked child does not write into its parent's bundle.
#![cfg(unix)]

use rollout_trace_recorder::{ExecutionStatus, SessionSource, ThreadTraceContext, TraceOptions};
use serde_json::json;

use crate::support::{ROOT_THREAD, Recorded, metadata};

#[test]
fn a_forked_child_does_not_write() {
    let root = tempfile::TempDir::new().expect("a folder");
    for layout in crate::support::LAYOUTS {
        let source = metadata(ROOT_THREAD, "/root", SessionSource::Program("x".into()));
        let options = TraceOptions::new().layout(layout);
        let trace = ThreadTraceContext::start_root(root.path(), source, options).expect("a bundle");
        let folder = trace.bundle_folder().expect("a folder");
        let attempt = trace.inference_trace_context("turn", "m", "p").start_attempt();
        attempt.record_started(&json!({"input": []}));
        // SAFETY: the child only makes calls of the recorder, which return as soon as they see another process, and
        // then exits.
        let child = unsafe { libc::fork() };
        if child == 0 {
            trace.record_codex_turn_started("child");
            trace.record_protocol_event("child", &json!({"a": 1}));
            attempt.record_failed("child", None, &[] as &[()]);
            let cell = trace.start_code_cell_trace("turn", "cell", "call", "text(1)");
            trace.finish();
            let status = i32::from(cell.is_enabled());
            drop((trace, attempt, cell));
            // SAFETY: exits without running destructors, which belong to the parent.
            unsafe { libc::_exit(status) };
        }
        let mut status = 0;
        // SAFETY: waits for the child above.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        trace.record_codex_turn_started("parent");
        trace.record_ended(ExecutionStatus::Completed);
        drop((trace, attempt));
        let recorded = Recorded::at(&folder);
        assert_eq!(
            recorded.types(),
            [
                "rollout_started",
                "thread_started",
                "inference_started",
                "codex_turn_started",
                "thread_ended",
                "rollout_ended",
                "inference_cancelled",
                "recording_completed",
            ]
        );
    }
}
