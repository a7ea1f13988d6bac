//! Runs one cell. The script comes from standard input, and a tool `echo` returns its argument.
//!
//!     echo 'text(await tools.echo({ hello: 1 }))' | cargo run -p rollout-trace-code-mode --example run_cell

#![expect(clippy::print_stdout, reason = "the example prints its results")]

use std::io::Read;

use rollout_trace_code_mode::{
    CellLimits, CellMessage, CellResponse, CodeModeSession, ExecuteRequest, ToolSpec, WaitOutcome, WaitRequest,
    parse_exec_source,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut source = String::new();
    std::io::stdin().read_to_string(&mut source)?;
    let source = parse_exec_source(&source)?;

    let (session, mut messages) = CodeModeSession::new(CellLimits::default());
    let answering = session.clone();
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            println!("{message:?}");
            if let CellMessage::ToolCall { cell_id, tool_call_id, input, .. } = message {
                answering.answer(&cell_id, &tool_call_id, Ok(input));
            }
        }
    });

    let request = ExecuteRequest {
        cell_id: session.next_cell_id(),
        tool_call_id: "call-1".to_owned(),
        enabled_tools: vec![ToolSpec::new("echo", "Returns its argument.")],
        source: source.source,
        stored_values: serde_json::Map::new(),
        yield_time: source.yield_time,
        max_output_tokens: source.max_output_tokens,
    };
    let mut response = session.execute(request).await?;
    while let CellResponse::Yielded { cell_id, .. } = &response {
        println!("{response:?}");
        let WaitOutcome::Cell(next) = session.wait(WaitRequest::new(cell_id.clone())).await else { break };
        response = next;
    }
    println!("{response:#?}");
    session.shutdown().await;
    Ok(())
}
