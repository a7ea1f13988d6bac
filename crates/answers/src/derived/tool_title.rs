//! Names of tools, with their namespaces apart.
//!
//! Source: exports, section 1.

use rollout_trace_model::ToolCall;
use rollout_trace_reducer::Json;
use rollout_trace_schema::ToolKind;

use crate::{rollout::Rollout, tool_name};

/// What a tool is called: its name, and apart from it what the name is unique in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolTitle {
    /// The name under which the agent core was asked for the tool, else the name that the kind has, else the kind.
    pub name: String,
    /// The namespace, such as the one of an MCP server's tools.
    pub namespace: Option<String>,
}

impl ToolTitle {
    /// Returns the title by the kind of a call alone.
    fn of_kind(kind: &ToolKind) -> Self {
        match kind {
            ToolKind::Mcp { server, tool } => Self { name: tool.clone(), namespace: Some(server.clone()) },
            ToolKind::Unknown(fields) => {
                let named = ["tool", "name"].into_iter().find_map(|field| fields.get(field)?.as_str());
                Self { name: named.map_or_else(|| tool_name(kind).into_owned(), str::to_owned), namespace: None }
            }
            kind => Self { name: tool_name(kind).into_owned(), namespace: None },
        }
    }
}

impl Rollout<'_> {
    /// Returns what the tool of a call is called. The payload of its invocation is read.
    pub fn tool_title(&self, call: &ToolCall) -> ToolTitle {
        let of_kind = ToolTitle::of_kind(&call.kind);
        let invoked = call.raw_invocation_payload_id.as_ref().and_then(|id| self.document(id, invoked));
        match invoked {
            Some(invoked) => ToolTitle { namespace: invoked.namespace.or(of_kind.namespace), ..invoked },
            None => of_kind,
        }
    }
}

/// Returns the title that an invocation states.
fn invoked(invocation: &Json<'_>) -> Option<ToolTitle> {
    let field = |name| invocation.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(ToolTitle { name: field("tool_name")?, namespace: field("tool_namespace") })
}
