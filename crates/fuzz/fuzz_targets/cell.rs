//! No script breaks the host of cells: each script ends within its limits or is terminated, its session keeps working,
//! and no OS thread remains.

#![no_main]

use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rollout_trace_code_mode::{
    CellLimits, CellMessage, CellResponse, CodeModeSession, ExecuteRequest, ToolCallError, ToolSpec, WaitRequest,
};

/// A piece of a script: a known harmful statement, or any text.
#[derive(Arbitrary, Debug)]
enum Piece {
    Known(u8),
    /// Like `Known`, within a `try` block so that the following pieces still run.
    Caught(u8),
    Text(String),
}

const PIECES: &str = include_str!("../../code-mode/tests/cells/pieces.txt");

fn script(pieces: &[Piece]) -> String {
    let known: Vec<&str> = PIECES.lines().collect();
    let known = |number: &u8| known[usize::from(*number) % known.len()];
    let line = |piece: &Piece| match piece {
        Piece::Known(number) => known(number).to_owned(),
        Piece::Caught(number) => format!("try {{ {} }} catch (error) {{ globalThis.o = error }}", known(number)),
        Piece::Text(text) => text.clone(),
    };
    pieces.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn request(session: &CodeModeSession, source: String) -> ExecuteRequest {
    ExecuteRequest {
        cell_id: session.next_cell_id(),
        tool_call_id: "exec".to_owned(),
        enabled_tools: ["echo", "fail", "late", "never"].map(|name| ToolSpec::new(name, "")).into(),
        source,
        stored_values: serde_json::Map::new(),
        yield_time: Some(Duration::from_millis(20)),
        max_output_tokens: None,
    }
}

async fn survives(source: String) {
    // The limits are small, so that a script can reach them within its twenty milliseconds.
    let limits = CellLimits { memory_bytes: 2 << 20, stack_bytes: 128 << 10, ..CellLimits::default() };
    let (session, mut messages) = CodeModeSession::new(limits);
    let answers = session.clone();
    let answering = async move {
        while let Some(message) = messages.recv().await {
            if let CellMessage::ToolCall { cell_id, tool_call_id, name, input, .. } = message {
                match name.as_str() {
                    "never" => {}
                    "fail" => drop(answers.answer(&cell_id, &tool_call_id, Err(ToolCallError::new("it is broken")))),
                    _ => drop(answers.answer(&cell_id, &tool_call_id, Ok(input))),
                }
            }
        }
    };
    let running = async {
        let first = session.execute(request(&session, source)).await.expect("the cell starts");
        if let CellResponse::Yielded { cell_id, .. } = first {
            session.wait(WaitRequest::terminate(cell_id)).await;
        }
        let mut last =
            session.execute(request(&session, "text(await tools.echo(1))".to_owned())).await.expect("the cell starts");
        while let CellResponse::Yielded { cell_id, .. } = &last {
            let rollout_trace_code_mode::WaitOutcome::Cell(next) =
                session.wait(WaitRequest::new(cell_id.clone())).await
            else {
                panic!("the session has lost its cell")
            };
            last = next;
        }
        assert!(matches!(last, CellResponse::Result { error_text: None, .. }), "{last:?}");
        // An OS thread that has not ended in time has the lowest priority, and may take a while on a busy machine.
        let mut left = session.shutdown().await;
        for _ in 0..10 {
            left = if left == 0 { break } else { session.shutdown().await };
        }
        assert_eq!(left, 0, "an OS thread remains");
    };
    tokio::select! {
        () = running => {}
        () = answering => unreachable!("the session holds the sender of the messages"),
    }
}

fuzz_target!(|pieces: Vec<Piece>| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    runtime.block_on(survives(script(&pieces)));
});
