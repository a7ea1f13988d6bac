//! The tools as the model and its code cells are told of them.

use rollout_trace_code_mode::ToolSpec;
use serde_json::{Map, Value, json};

use crate::rollout::Rollout;

/// Name, description, and the arguments: name, JSON type, whether it must be there, description.
type Function = (&'static str, &'static str, &'static [(&'static str, &'static str, bool, &'static str)]);

const FUNCTIONS: &[Function] = &[
    (
        "exec_command",
        "Runs a shell command on a pseudo-terminal. Gives its output, and a session ID if it is still running.",
        &[
            ("cmd", "string", true, "The command."),
            ("workdir", "string", false, "The folder to run it in; relative to the working folder."),
            ("yield_time_ms", "number", false, "How long to wait for its end."),
            ("max_output_tokens", "number", false, "How much output to give at most."),
        ],
    ),
    (
        "write_stdin",
        "Writes characters to a running command and gives its new output. Without characters it only looks.",
        &[
            ("session_id", "number", true, "The command's session ID."),
            ("chars", "string", false, "The characters."),
            ("yield_time_ms", "number", false, "How long to wait for output."),
            ("max_output_tokens", "number", false, "How much output to give at most."),
        ],
    ),
    (
        "spawn_agent",
        "Starts another agent on a task of its own. Its result comes as a message when it is done.",
        &[
            ("task_name", "string", true, "A short name in lower case, digits and underscores: the end of its path."),
            ("message", "string", true, "The task."),
            ("fork_turns", "string", false, "\"all\" lets it begin with your history, \"none\" without."),
        ],
    ),
    (
        "send_message",
        "Sends a message to another agent, which reads it with its next turn.",
        &[("target", "string", true, "Its name or path."), ("message", "string", true, "The message.")],
    ),
    (
        "followup_task",
        "Gives another agent a further task, which it begins at once. A closed agent is opened again.",
        &[("target", "string", true, "Its name or path."), ("message", "string", true, "The task.")],
    ),
    (
        "wait_agent",
        "Waits until another agent has sent a message, or none is at work any more.",
        &[("timeout_ms", "number", false, "How long to wait; 30,000 unless said.")],
    ),
    ("close_agent", "Stops another agent for good.", &[("target", "string", true, "Its name or path.")]),
    ("list_agents", "Lists all agents and how they are getting on.", &[]),
];

const WAIT: Function = (
    "wait",
    "Waits for a script that is still running.",
    &[
        ("cell_id", "string", true, "The script's cell ID."),
        ("yield_time_ms", "number", false, "How long to wait for its end."),
        ("max_output_tokens", "number", false, "How much output to give at most."),
        ("terminate", "boolean", false, "Whether to stop it."),
    ],
);

const PATCH: (&str, &str) = (
    "apply_patch",
    "Changes files. The input is a patch: `*** Begin Patch`, then for each file `*** Add File: PATH` with lines of `+text`, \
     `*** Delete File: PATH`, or `*** Update File: PATH` with hunks that begin with `@@` and hold lines with ` `, `-` or `+` \
     before them, then `*** End Patch`.",
);

const EXEC: (&str, &str) = (
    "exec",
    "Runs JavaScript, with `await tools.NAME(arguments)` for every other tool, `text(value)` to show a value, `store(key, value)` \
     and `load(key)` to keep one for later, `notify(text)` to say something meanwhile, `yield_control()` to hand over. A first \
     line `// @exec: {\"yield_time_ms\": 10000}` says how long to wait for its end.",
);

/// All tools of a thread, as its requests describe them.
pub(crate) fn described(rollout: &Rollout) -> Vec<Value> {
    let custom = |(name, description): (&str, &str)| json!({"type": "custom", "name": name, "description": description, "format": {"type": "text"}});
    let mut tools: Vec<Value> = FUNCTIONS.iter().map(function).collect();
    tools.push(custom(PATCH));
    if rollout.config.code_mode {
        tools.extend([custom(EXEC), function(&WAIT)]);
    }
    tools.extend(rollout.mcp_tools().map(|(name, _, tool)| {
        json!({"type": "function", "name": name, "description": tool.description, "strict": false,
               "parameters": parameters(&tool.input_schema)})
    }));
    tools
}

/// The schema of an MCP tool's arguments as providers take it: they refuse one that does not name the properties, even where there
/// are none.
fn parameters(schema: &Map<String, Value>) -> Map<String, Value> {
    let mut schema = schema.clone();
    schema.entry("type").or_insert_with(|| "object".into());
    schema.entry("properties").or_insert_with(|| json!({}));
    schema
}

/// The tools that a code cell may call.
pub(super) fn for_cells(rollout: &Rollout) -> Vec<ToolSpec> {
    let own = FUNCTIONS.iter().map(|(name, description, _)| ToolSpec::new(*name, *description));
    let of_servers = rollout.mcp_tools().map(|(name, _, tool)| ToolSpec::new(name, tool.description.clone()));
    own.chain([ToolSpec::new(PATCH.0, PATCH.1)]).chain(of_servers).collect()
}

fn function((name, description, arguments): &Function) -> Value {
    let properties: Map<String, Value> = arguments
        .iter()
        .map(|(name, kind, _, description)| ((*name).to_owned(), json!({"type": kind, "description": description})))
        .collect();
    let required: Vec<&str> =
        arguments.iter().filter(|(_, _, required, _)| *required).map(|argument| argument.0).collect();
    json!({"type": "function", "name": name, "description": description, "strict": false,
           "parameters": {"type": "object", "properties": properties, "required": required,
                          "additionalProperties": false}})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_names_its_properties() {
        let schema = |schema: Value| Value::from(parameters(schema.as_object().unwrap()));
        assert_eq!(schema(json!({})), json!({"type": "object", "properties": {}}));
        let whole = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        assert_eq!(schema(whole.clone()), whole);
    }
}
