//! Names of tools.

use std::borrow::Cow;

use rollout_trace_schema::ToolKind;

/// Returns the name of a tool: `SERVER.TOOL` for a tool of an MCP server, else its own name or that of its kind.
pub fn tool_name(kind: &ToolKind) -> Cow<'_, str> {
    match kind {
        ToolKind::ExecCommand => "exec_command".into(),
        ToolKind::WriteStdin => "write_stdin".into(),
        ToolKind::ApplyPatch => "apply_patch".into(),
        ToolKind::Mcp { server, tool } => format!("{server}.{tool}").into(),
        ToolKind::Web => "web".into(),
        ToolKind::ImageGeneration => "image_generation".into(),
        ToolKind::SpawnAgent => "spawn_agent".into(),
        ToolKind::AssignAgentTask => "assign_agent_task".into(),
        ToolKind::SendMessage => "send_message".into(),
        ToolKind::WaitAgent => "wait_agent".into(),
        ToolKind::CloseAgent => "close_agent".into(),
        ToolKind::Other { name } => name.into(),
        ToolKind::Unknown(fields) => fields.get("type").and_then(|kind| kind.as_str()).unwrap_or("unknown").into(),
        _ => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_in_the_graph() {
        let kinds = ["exec_command", "write_stdin", "apply_patch", "web", "image_generation", "spawn_agent"];
        let agents = ["assign_agent_task", "send_message", "wait_agent", "close_agent", "teleport"];
        for name in kinds.into_iter().chain(agents) {
            let kind: ToolKind = serde_json::from_value(serde_json::json!({ "type": name })).unwrap();
            assert_eq!(tool_name(&kind), name);
        }
        let kind = ToolKind::Mcp { server: "files".into(), tool: "read".into() };
        assert_eq!(tool_name(&kind), "files.read");
        assert_eq!(tool_name(&ToolKind::Other { name: "plan".into() }), "plan");
    }
}
