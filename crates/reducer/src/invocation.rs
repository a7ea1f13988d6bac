//! What a tool is asked for.

use rollout_trace_schema::ToolKind;

use crate::json::Json;

/// What a tool was asked for, as far as reduction reads it.
pub(crate) struct Invocation<'a> {
    tool_name: Option<&'a str>,
    /// The arguments of a function call, if they are JSON and reduction may read one of them.
    arguments: Option<Json<'a>>,
}

/// The tool that waits for a code cell.
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

    /// Returns an id, which may be a string or a number.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        self.arguments.as_ref()?.id_text(name)
    }

    /// Returns the message that the call sends, if it sends one.
    pub(crate) fn message(&self) -> Option<&str> {
        self.argument(MESSAGE)?.as_str()
    }

    /// Returns the runtime id of the code cell that the call waits for, if it does.
    pub(crate) fn awaited_cell(&self) -> Option<String> {
        if self.tool_name == Some(WAIT) { self.id("cell_id") } else { None }
    }
}
