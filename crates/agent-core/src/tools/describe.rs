//! The descriptions of the tools, for the model and for code cells.

use rollout_trace_code_mode::ToolSpec;
use serde_json::{Map, Value, json};

use crate::rollout::Rollout;

/// A tool's name, description and arguments; each argument has a name, a JSON type, whether it is required, and a
/// description.
type Function = (&'static str, &'static str, &'static [(&'static str, &'static str, bool, &'static str)]);

const FUNCTIONS: &[Function] = &[
    (
        "exec_command",
        "Runs a shell command on a pseudo-terminal. Returns its output, and a session ID if it is still running.",
        &[
            ("cmd", "string", true, "The command."),
            ("workdir", "string", false, "The folder to run it in, relative to the working folder."),
            ("yield_time_ms", "integer", false, "How long to wait for it to end."),
            ("max_output_tokens", "integer", false, "The most output to return."),
        ],
    ),
    (
        "write_stdin",
        "Writes characters to a running command and returns its new output. Without characters it only returns the output.",
        &[
            ("session_id", "integer", true, "The command's session ID."),
            ("chars", "string", false, "The characters."),
            ("yield_time_ms", "integer", false, "How long to wait for output."),
            ("max_output_tokens", "integer", false, "The most output to return."),
        ],
    ),
    (
        "spawn_agent",
        "Starts another agent on a task of its own. Its result arrives as a message when it is done.",
        &[
            (
                "task_name",
                "string",
                true,
                "A short name of lower-case letters, digits and underscores: the end of its path.",
            ),
            ("message", "string", true, "The task."),
            ("fork_turns", "string", false, "\"all\" lets it begin with your history, \"none\" without it."),
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
        "Waits until another agent has sent a message, or until no other agent is at work.",
        &[("timeout_ms", "integer", false, "How long to wait; the default is 30,000.")],
    ),
    ("close_agent", "Stops another agent for good.", &[("target", "string", true, "Its name or path.")]),
    ("list_agents", "Lists all agents and their status.", &[]),
];

const WAIT: Function = (
    "wait",
    "Waits for a script that is still running.",
    &[
        ("cell_id", "string", true, "The script's cell ID."),
        ("yield_time_ms", "integer", false, "How long to wait for it to end."),
        ("max_output_tokens", "integer", false, "The most output to return."),
        ("terminate", "boolean", false, "Whether to terminate it."),
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
     and `load(key)` to keep values for later, `notify(text)` to send a message while the script runs, and `yield_control()` to \
     return the output so far. A first line `// @exec: {\"yield_time_ms\": 10000}` sets how long to wait for the script to end.",
);

/// Returns the JSON Schema of the arguments of one of this program's own tools. It is null if there is no such tool.
pub(super) fn schema_of(tool: &str) -> Value {
    let described = FUNCTIONS.iter().chain([&WAIT]).find(|(name, ..)| *name == tool).map(function);
    described.map(|mut described| described["parameters"].take()).unwrap_or_default()
}

/// Returns the descriptions of all tools of a thread, for its requests.
pub(crate) fn described(rollout: &Rollout) -> Vec<Value> {
    let custom = |(name, description): (&str, &str)| json!({"type": "custom", "name": name, "description": description, "format": {"type": "text"}});
    let mut tools: Vec<Value> = FUNCTIONS.iter().map(function).collect();
    tools.push(custom(PATCH));
    if rollout.config.code_mode {
        tools.extend([custom(EXEC), function(&WAIT)]);
    }
    tools.extend(rollout.mcp_tools().map(|(name, _, tool)| {
        json!({"type": "function", "name": name, "description": tool.description, "strict": false,
               "parameters": tool.input_schema})
    }));
    tools
}

/// Returns the tools that a code cell may call.
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
