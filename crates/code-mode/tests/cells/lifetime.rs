//! The threads of cells: none is left after its session was dropped.

use std::{fs, time::Duration};

use rollout_trace_code_mode::{CellLimits, CodeModeSession, WaitRequest};
use serde_json::json;

use crate::support::{HANG, Run, block_on};

/// Counts the threads of this process that run a cell with this id, by their names. Other tests use other ids.
#[cfg(target_os = "linux")]
fn threads_of(cell: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux lists its threads");
    let name = |task: std::io::Result<fs::DirEntry>| {
        fs::read_to_string(task.expect("a listed thread has a name").path().join("comm"))
    };
    tasks.filter_map(|task| name(task).ok()).filter(|name| name.trim() == format!("cell-{cell}")).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_dropped_session_leaves_no_thread() {
    block_on(async {
        let mut run = Run::new();
        for (id, source) in [
            ("dropped-1", "yield_control(); for (;;);"),
            ("dropped-2", "yield_control(); await tools.never()"),
            ("dropped-3", "yield_control(); for (;;) await null"),
        ] {
            let mut request = run.request(source);
            request.cell_id = id.into();
            run.start(request).await;
        }
        let ids = ["dropped-1", "dropped-2", "dropped-3"];
        assert_eq!(ids.map(threads_of), [1, 1, 1]);
        drop(run);
        let gone = async {
            while ids.map(threads_of) != [0, 0, 0] {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(HANG, gone).await.expect("the threads end");
    });
}

#[test]
fn a_dropped_wait_loses_nothing() {
    block_on(async {
        let mut run = Run::new();
        run.execute("const call = tools.never(); yield_control(); await call; text('kept')").await;
        let session = run.session.clone();
        let cell = "1".into();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
            outcome = session.wait(WaitRequest::new("1".into())) => panic!("{outcome:?}"),
        }
        assert!(session.answer(&cell, &"1.1".into(), Ok(json!(1))));
        run.wait(WaitRequest::new("1".into())).await;
        assert_eq!(run.drawn, "call 1.1: never {}\nyielded\ntext: kept\ndone\n");
    });
}

#[test]
fn a_session_whose_messages_nobody_receives() {
    block_on(async {
        let mut run = Run::new();
        let request = run.request("notify('nobody'); await tools.echo(1)");
        let (session, messages) = CodeModeSession::new(CellLimits::default());
        drop(messages);
        run.session = session;
        run.start(request).await;
        assert!(run.drawn.starts_with("failed: Error: the session no longer answers tool calls"), "{}", run.drawn);
    });
}
