//! The commands, and the writes to their input.

use rollout_trace_model::{OperationKind, TerminalOperation, TerminalRequest};

use crate::{
    column::Declared,
    reduced::{Of, Reduced},
    table::Source,
    value::count,
};

pub(crate) struct TerminalOperations;

impl Source for TerminalOperations {
    type Row<'r> = Of<'r, TerminalOperation>;

    fn declared<'r>() -> Declared<Self::Row<'r>> {
        let meaning = "One row per command that was started, and per write to the input of a running command.";
        Declared::<Self::Row<'r>>::new("terminal_operations", meaning, &["operation_id"])
            .text("operation_id", "The id of the operation.", |row| row.it.operation_id.to_string().into())
            .text_or_null("terminal_id", "The terminal session.", |row| {
                row.it.terminal_id.as_ref().map(|id| id.0.as_str().into())
            })
            .text("tool_call_id", "The tool call of the operation.", |row| row.it.tool_call_id.as_str().into())
            .text_or_null("thread_id", "The thread of that call.", |row| {
                let call = row.reduced.graph.tool_calls.get(&row.it.tool_call_id)?;
                Some(call.thread_id.as_str().into())
            })
            .text("kind", "exec_command or write_stdin.", |row| match row.it.kind {
                OperationKind::ExecCommand => "exec_command".into(),
                OperationKind::WriteStdin => "write_stdin".into(),
            })
            .execution()
            .integer_or_null("exit_code", "The exit code, if the process ended.", |row| {
                row.it.result.as_ref()?.exit_code
            })
            .integer_or_null("stdout_bytes", "The length of the standard output, in UTF-8.", |row| {
                row.it.result.as_ref().map(|result| count(result.stdout.len()))
            })
            .integer_or_null("stderr_bytes", "The length of the standard error, if it is separate.", |row| {
                row.it.result.as_ref().map(|result| count(result.stderr.len()))
            })
            .text_or_null("command", "The command, or what was written. Content: full.", |row| {
                row.reduced.options.text(|| match &row.it.request {
                    TerminalRequest::ExecCommand { display_command, .. } => display_command.as_str().into(),
                    TerminalRequest::WriteStdin { stdin, .. } => stdin.as_str().into(),
                })
            })
    }

    fn rows<'r>(reduced: &'r Reduced<'r>, each: &mut dyn FnMut(Self::Row<'r>)) {
        reduced.graph.terminal_operations.values().for_each(|it| each(Of { reduced, it }));
    }
}
