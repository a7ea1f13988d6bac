//! What a tool call asks for.

use rollout_trace_schema::ToolKind;

use crate::json::Json;

/// The part of a tool call's invocation that reduction reads.
pub(crate) struct Invocation<'a> {
    tool_name: Option<&'a str>,
    /// The arguments of a function call, if they are JSON and have one that reduction may read.
    arguments: Option<Json<'a>>,
}

/// The name of the tool that waits for a code cell.
const WAIT: &str = "wait";

/// The argument in which any tool may carry a message.
const MESSAGE: &str = "message";

impl<'a> Invocation<'a> {
    pub(crate) fn new(kind: &ToolKind, document: &'a Json<'_>) -> Self {
        let arguments = document.get("payload").and_then(|payload| payload.get("arguments"));
        let tool_name = document.text("tool_name");
        // Most calls carry whole files or scripts, which are not worth parsing. An argument's name may be written with
        // escapes.
        let may_be_read = |text: &str| {
            tool_name == Some(WAIT) || *kind == ToolKind::WriteStdin || text.contains(MESSAGE) || text.contains("\\u")
        };
        let arguments = match arguments {
            Some(Json::String(text)) if may_be_read(text) => Json::parse_arguments(text),
            Some(Json::String(_)) => None,
            other => other.cloned(),
        };
        Self { tool_name, arguments }
    }

    pub(crate) fn argument(&self, name: &str) -> Option<&Json<'a>> {
        self.arguments.as_ref()?.get(name)
    }

    /// Returns an argument that is an id, which may be a string or a number.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        self.arguments.as_ref()?.id_text(name)
    }

    /// Returns the message that the call sends, if it sends one.
    pub(crate) fn message(&self) -> Option<&str> {
        self.argument(MESSAGE)?.as_str()
    }

    /// Returns the runtime id of the code cell that the call waits for, if it waits for one.
    pub(crate) fn awaited_cell(&self) -> Option<String> {
        if self.tool_name == Some(WAIT) { self.id("cell_id") } else { None }
    }
}
