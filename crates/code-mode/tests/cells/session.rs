//! Sessions: ids, concurrent cells, limits.

use std::time::Duration;

use insta::assert_snapshot;
use rollout_trace_code_mode::{
    CellId, CellLimits, CellMessage, CellResponse, CodeModeSession, ExecuteError, ExecuteRequest, ToolSpec,
    WaitOutcome, WaitRequest,
};
use serde_json::json;

use crate::support::{Run, block_on};

#[test]
fn ids_are_known_before_the_script_starts() {
    block_on(async {
        let run = Run::new();
        let request = run.request("await tools.echo(1)");
        let expected = request.cell_id.clone();
        let (session, mut messages) = CodeModeSession::new(CellLimits::default());
        let running = session.execute(request);
        let answering = async {
            let Some(CellMessage::ToolCall { cell_id, tool_call_id, .. }) = messages.recv().await else {
                panic!("the script calls a tool")
            };
            assert_eq!(cell_id, expected);
            assert!(!session.answer(&CellId::from("7"), &tool_call_id, Ok(json!(1))), "cell 7 does not exist");
            assert!(session.answer(&cell_id, &"1.7".into(), Ok(json!(1))), "the answer to an unknown call is ignored");
            assert!(session.answer(&cell_id, &tool_call_id, Ok(json!(1))));
        };
        let (response, ()) = tokio::join!(running, answering);
        assert!(matches!(response, Ok(CellResponse::Result { error_text: None, .. })), "{response:?}");
        assert!(!session.answer(&expected, &"1.1".into(), Ok(json!(1))), "the cell is gone");
    });
}

#[test]
fn waiting_for_an_unknown_cell() {
    let drawn = block_on(async {
        let mut run = Run::new();
        run.wait(WaitRequest::new("9".into())).await;
        run.wait(WaitRequest::terminate("9".into())).await;
        run.execute("text(1)").await;
        run.wait(WaitRequest::new("1".into())).await;
        run.drawn
    });
    assert_snapshot!(drawn, @r"
    no cell 9
    no cell 9
    text: 1
    done
    no cell 1
    ");
}

#[test]
fn two_cells_run_at_once() {
    let drawn = block_on(async {
        let mut run = Run::new();
        // The first cell spins until it is terminated; the second one ends in the meantime.
        run.execute("store('a', 1); yield_control(); for (;;);").await;
        run.execute("text('second'); store('b', 2)").await;
        run.wait(WaitRequest::terminate("1".into())).await;
        run.execute("text([load('a'), load('b')])").await;
        run.drawn
    });
    assert_snapshot!(drawn, @r"
    yielded
    text: second
    stored b: 2
    done
    terminated
    text: [null,2]
    done
    ");
}

#[test]
fn values_of_concurrent_cells_are_all_kept() {
    let drawn = block_on(async {
        let mut run = Run::new();
        run.execute("store('a', 1); const call = tools.never(); yield_control(); await call; store('c', 3)").await;
        run.execute("store('b', 2)").await;
        run.session.answer(&"1".into(), &"1.1".into(), Ok(json!(1)));
        run.wait(WaitRequest::new("1".into())).await;
        run.execute("text([load('a'), load('b'), load('c')])").await;
        run.drawn
    });
    assert_snapshot!(drawn, @r"
    call 1.1: never {}
    yielded
    stored b: 2
    done
    stored a: 1
    stored c: 3
    done
    text: [1,2,3]
    done
    ");
}

#[test]
fn two_waits_for_one_cell() {
    block_on(async {
        let mut run = Run::new();
        run.execute("yield_control(); for (;;);").await;
        let session = run.session.clone();
        let waiting = session.wait(WaitRequest::new("1".into()));
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            session.wait(WaitRequest::terminate("1".into())).await
        };
        let outcomes = tokio::join!(waiting, stopping);
        // One of them receives the end, and the other one is told that the cell no longer exists.
        let missing =
            [&outcomes.0, &outcomes.1].into_iter().filter(|outcome| matches!(outcome, WaitOutcome::Missing(_)));
        assert_eq!(missing.count(), 1, "{outcomes:?}");
    });
}

#[test]
fn errors_of_starting_a_cell() {
    block_on(async {
        let limits = CellLimits { cells: 1, source_bytes: 40, ..CellLimits::default() };
        let mut run = Run::with_limits(limits);
        let error = async |run: &Run, request: ExecuteRequest| match run.session.execute(request).await {
            Err(error) => error.to_string(),
            Ok(response) => panic!("{response:?}"),
        };
        assert_snapshot!(error(&run, run.request(&" ".repeat(41))).await, @"the script has 41 bytes, more than the limit of 40");
        let tools = vec![ToolSpec::new("a-b", ""), ToolSpec::new("a_b", "")];
        assert_snapshot!(error(&run, ExecuteRequest { enabled_tools: tools, ..run.request("1") }).await, @"two tools have the same name in the script, `tools.a_b`");
        let running = run.request("yield_control(); for (;;);");
        let id = running.cell_id.clone();
        run.start(running).await;
        assert_snapshot!(error(&run, ExecuteRequest { cell_id: id.clone(), ..run.request("1") }).await, @"cell 3 already exists");
        assert_snapshot!(error(&run, run.request("1")).await, @"running cells: 1, which is the limit of a session: wait for one to end, or terminate it");
        assert_eq!(run.session.cells(), [id]);
        assert_eq!(run.session.shutdown().await, 0);
        assert!(matches!(run.session.execute(run.request("1")).await, Err(ExecuteError::ShutDown)));
        assert!(run.session.cells().is_empty());
    });
}

#[test]
fn unclaimed_results_are_not_kept_forever() {
    block_on(async {
        let mut run = Run::with_limits(CellLimits { cells: 2, ..CellLimits::default() });
        for _ in 0..5 {
            let CellResponse::Yielded { cell_id, .. } =
                run.execute("const call = tools.never(); yield_control(); await call").await
            else {
                panic!("the cell yields")
            };
            let call = format!("{cell_id}.1").into();
            while run.session.answer(&cell_id, &call, Ok(json!(1))) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        assert_eq!(run.session.cells(), ["4".into(), "5".into()]);
    });
}

#[test]
fn extreme_limits() {
    block_on(async {
        for limits in [
            CellLimits { stack_bytes: 0, ..CellLimits::default() },
            CellLimits { stack_bytes: usize::MAX, ..CellLimits::default() },
        ] {
            let mut run = Run::with_limits(limits);
            run.execute("try { (function f() { f() })() } catch (error) { text(error.message) }").await;
            assert_eq!(run.drawn, "text: Maximum call stack size exceeded\ndone\n");
        }
        let mut run = Run::with_limits(CellLimits { memory_bytes: 0, ..CellLimits::default() });
        let request = ExecuteRequest { cell_id: "\0".into(), ..run.request("1") };
        run.start(request).await;
        assert!(run.drawn.starts_with("failed: the engine did not start"), "{}", run.drawn);
    });
}
