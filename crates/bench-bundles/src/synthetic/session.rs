//! What happens in a session.

use std::path::Path;

use serde_json::json;

use super::{
    Form, Shape,
    agent::Agent,
    item::{Item, Part},
};
use crate::{prose::Chance, writer::Writer};

/// How many trips make a turn. The last one ends it with a message and does nothing else.
const TRIPS_PER_TURN: usize = 5;
/// How many trips a child agent makes, all in one turn.
const TRIPS_OF_CHILD: usize = 3;
const TOOL_DEFINITIONS: usize = 15;
const TOOL_DEFINITION_BYTES: usize = 1_500;
const OUTPUT_BYTES: usize = 3_000;
const ARGUMENT_BYTES: usize = 200;
const REASONING_BYTES: usize = 1_000;
const MESSAGE_BYTES: usize = 800;
const MODEL: &str = "a-model";

pub(super) struct Session {
    shape: Shape,
    chance: Chance,
    writer: Writer,
    /// The agent that runs: the root, or a child.
    agent: Agent,
    tools: String,
    calls: usize,
}

impl Session {
    pub(super) fn new(shape: Shape, form: Form, folder: &Path) -> Self {
        let mut chance = Chance::new(shape.seed);
        let thread = chance.uuid();
        let trace_id = chance.uuid();
        let mut writer = Writer::new(folder, form, (&trace_id, &thread));
        writer.event(&json!({"type": "rollout_started", "trace_id": trace_id, "root_thread_id": thread}));
        let definitions: Vec<_> = (0..TOOL_DEFINITIONS)
            .map(|number| {
                let properties: serde_json::Map<_, _> = (0..6)
                    .map(|field| {
                        let description = chance.text(TOOL_DEFINITION_BYTES / 8);
                        (format!("field_{field}"), json!({"type": "string", "description": description}))
                    })
                    .collect();
                json!({
                    "type": "function", "name": format!("tool_{number}"),
                    "description": chance.text(TOOL_DEFINITION_BYTES / 4), "strict": false,
                    "parameters": {"type": "object", "properties": properties, "additionalProperties": false},
                })
            })
            .collect();
        let tools = serde_json::to_string_pretty(&definitions).expect("definitions are plain data");
        let mut session = Self {
            shape,
            agent: Agent::new(&mut chance, thread, "/root".to_owned()),
            chance,
            writer,
            tools: tools.replace('\n', "\n  "),
            calls: 0,
        };
        let metadata = session.metadata(&session.agent, &json!("exec"));
        session.start_thread(&metadata);
        session
    }

    pub(super) fn run(mut self) {
        let shape = self.shape;
        for trip in 0..shape.trips {
            if trip % TRIPS_PER_TURN == 0 {
                self.start_turn();
            }
            let is_last = (trip + 1) % TRIPS_PER_TURN == 0 || trip + 1 == shape.trips;
            let is_due = |every: Option<usize>| every.is_some_and(|every| trip % every == every / 2) && !is_last;
            self.trip(if is_last { 0 } else { shape.tools });
            if is_due(shape.child_every) {
                self.child(trip);
            }
            if is_due(shape.compact_every) {
                self.compact();
            }
            if is_last {
                self.end_turn();
            }
        }
        let thread = self.agent.thread.clone();
        self.writer.event(&json!({"type": "thread_ended", "thread_id": thread, "status": "completed"}));
        self.writer.event(&json!({"type": "rollout_ended", "status": "completed"}));
        self.writer.finish();
    }

    fn metadata(&self, agent: &Agent, source: &serde_json::Value) -> serde_json::Value {
        json!({
            "thread_id": agent.thread, "agent_path": agent.path, "task_name": null, "nickname": null,
            "agent_role": null, "session_source": source, "cwd": "/work", "model": MODEL,
            "provider_name": "a-provider", "approval_policy": "never", "sandbox_policy": "none",
        })
    }

    fn start_thread(&mut self, metadata: &serde_json::Value) {
        let reference = self.writer.payload("session_metadata", metadata);
        self.writer.event(&json!({
            "type": "thread_started", "thread_id": metadata["thread_id"], "agent_path": metadata["agent_path"],
            "metadata_payload": reference,
        }));
    }

    /// Writes an event of the agent's turn.
    fn event(&mut self, payload: &serde_json::Value) {
        self.writer.event_of(Some((&self.agent.thread, &self.agent.turn)), payload);
    }

    fn accept(&mut self, item: Item) {
        self.event(&json!({"type": "history_item_accepted", "item_id": item.id()}));
        self.agent.push(item);
    }

    fn start_turn(&mut self) {
        self.agent.turn = self.chance.uuid();
        let (thread, turn) = (self.agent.thread.clone(), self.agent.turn.clone());
        self.event(&json!({"type": "codex_turn_started", "codex_turn_id": turn, "thread_id": thread}));
        if self.agent.history.is_empty() {
            let context = self.message("developer", 2_000);
            self.accept(context);
            let environment = self.message("user", 400);
            self.accept(environment);
        }
        let task = self.message("user", MESSAGE_BYTES);
        self.accept(task);
    }

    fn end_turn(&mut self) {
        let turn = self.agent.turn.clone();
        self.event(&json!({"type": "codex_turn_ended", "codex_turn_id": turn, "status": "completed"}));
    }

    fn message(&mut self, role: &'static str, bytes: usize) -> Item {
        let text = self.chance.text(bytes);
        let part = if role == "assistant" { Part::OutputText { text } } else { Part::InputText { text } };
        Item::Message { id: format!("msg_{}", self.chance.uuid()), role, content: vec![part] }
    }

    /// Makes one request, its response, and the tool calls that it asks for. The turn continues.
    fn trip(&mut self, tools: usize) {
        let mut output = vec![Item::Reasoning {
            id: format!("rs_{}", self.chance.uuid()),
            summary: vec![Part::SummaryText { text: self.chance.text(REASONING_BYTES / 8) }],
            content: None,
            encrypted_content: self.chance.cipher(REASONING_BYTES),
        }];
        for _ in 0..tools {
            self.calls += 1;
            let arguments = json!({"cmd": self.chance.text(ARGUMENT_BYTES), "yield_time_ms": 1000});
            output.push(Item::FunctionCall {
                id: format!("fc_{}", self.chance.uuid()),
                name: "exec_command",
                arguments: arguments.to_string(),
                call_id: format!("call_{:024}", self.calls),
            });
        }
        if tools == 0 {
            output.push(self.message("assistant", MESSAGE_BYTES));
        }
        self.infer(output.clone());
        for item in output {
            if let Item::FunctionCall { arguments, call_id, .. } = item {
                self.run_tool(&arguments, &call_id);
            }
        }
    }

    fn infer(&mut self, output: Vec<Item>) {
        let request = self.agent.request(&self.tools);
        let request = self.writer.payload_text("inference_request", &request);
        let call = self.chance.uuid();
        let (thread, turn) = (self.agent.thread.clone(), self.agent.turn.clone());
        let mut event = json!({
            "type": "inference_started", "inference_call_id": call, "thread_id": thread, "codex_turn_id": turn,
            "model": MODEL, "provider_name": "a-provider", "request_payload": request,
        });
        if let Some(prompt) = self.writer.prompt(|| self.agent.prompt(&self.tools)) {
            event["prepared_prompt_payload"] = prompt;
        }
        self.event(&event);
        let response_id = format!("resp_{}", self.chance.uuid());
        let response = json!({
            "response_id": response_id, "upstream_request_id": null, "output_items": output,
            "token_usage": {
                "input_tokens": 1200, "cached_input_tokens": 800, "cache_write_input_tokens": 0, "output_tokens": 40,
                "reasoning_output_tokens": 10, "total_tokens": 1240,
            },
        });
        let response = self.writer.payload("inference_response", &response);
        self.event(&json!({
            "type": "inference_completed", "inference_call_id": call, "response_id": response_id,
            "response_payload": response,
        }));
        for item in output {
            self.accept(item);
        }
    }

    fn run_tool(&mut self, arguments: &str, call_id: &str) {
        let invocation = json!({
            "tool_name": "exec_command", "tool_namespace": null,
            "payload": {"type": "function", "arguments": arguments},
        });
        let invocation = self.writer.payload("tool_invocation", &invocation);
        let preview: String = arguments.chars().take(160).chain("...".chars()).collect();
        self.start_tool(call_id, "exec_command", &preview, &invocation);
        let mut runtime = json!({
            "call_id": call_id, "process_id": self.calls.to_string(), "turn_id": self.agent.turn, "cwd": "/work",
            "command": ["/bin/bash", "-lc", arguments], "source": "unified_exec_startup",
        });
        let begin = self.writer.payload("tool_runtime_event", &runtime);
        self.event(&json!({
            "type": "tool_call_runtime_started", "tool_call_id": call_id, "kind": {"type": "exec_command"},
            "runtime_payload": begin,
        }));
        let output = self.chance.text(OUTPUT_BYTES);
        runtime["aggregated_output"] = output.as_str().into();
        runtime["exit_code"] = 0.into();
        let end = self.writer.payload("tool_runtime_event", &runtime);
        self.event(&json!({
            "type": "tool_call_runtime_ended", "tool_call_id": call_id, "status": "completed", "runtime_payload": end,
        }));
        self.end_tool(call_id, format!("Wall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n{output}"));
    }

    fn start_tool(&mut self, call_id: &str, kind: &str, preview: &str, invocation: &serde_json::Value) {
        self.event(&json!({
            "type": "tool_call_started", "tool_call_id": call_id, "model_visible_call_id": call_id,
            "requester": {"type": "model"}, "kind": {"type": kind},
            "summary": {"type": "generic", "label": kind, "input_preview": preview},
            "invocation_payload": invocation,
        }));
    }

    fn end_tool(&mut self, call_id: &str, output: String) {
        let item = json!({"type": "function_call_output", "call_id": call_id, "output": output});
        let result = self.writer.payload("tool_result", &json!({"type": "direct_response", "response_item": item}));
        self.event(&json!({
            "type": "tool_call_ended", "tool_call_id": call_id, "status": "completed", "result_payload": result,
        }));
        let id = format!("fco_{}", self.chance.uuid());
        self.accept(Item::FunctionCallOutput { id, call_id: call_id.to_owned(), output });
    }

    /// Spawns a child, which runs for one turn and reports its result.
    fn child(&mut self, number: usize) {
        self.calls += 1;
        let call_id = format!("call_{:024}", self.calls);
        let (name, task) = (format!("child_{number}"), self.chance.text(MESSAGE_BYTES));
        let arguments = json!({"task_name": name, "message": task}).to_string();
        let call = Item::FunctionCall {
            id: format!("fc_{}", self.chance.uuid()),
            name: "spawn_agent",
            arguments: arguments.clone(),
            call_id: call_id.clone(),
        };
        self.infer(vec![call]);
        let invocation = json!({
            "tool_name": "spawn_agent", "tool_namespace": null,
            "payload": {"type": "function", "arguments": arguments},
        });
        let invocation = self.writer.payload("tool_invocation", &invocation);
        self.start_tool(&call_id, "spawn_agent", &name, &invocation);

        let path = format!("/root/{name}");
        let thread = self.chance.uuid();
        let child = Agent::new(&mut self.chance, thread.clone(), path.clone());
        let spawn = json!({"parent_thread_id": self.agent.thread, "depth": 1, "agent_path": path});
        let metadata = self.metadata(&child, &json!({"subagent": {"thread_spawn": spawn}}));
        self.start_thread(&metadata);
        let activity = json!({
            "event_id": call_id, "agent_thread_id": thread, "agent_path": path, "kind": "started",
        });
        let activity = self.writer.payload("tool_runtime_event", &activity);
        self.event(&json!({
            "type": "tool_call_runtime_ended", "tool_call_id": call_id, "status": "completed",
            "runtime_payload": activity,
        }));
        self.end_tool(&call_id, json!({"task_name": path}).to_string());

        let parent = std::mem::replace(&mut self.agent, child);
        self.start_turn();
        self.deliver("/root", &path, Part::EncryptedContent { encrypted_content: task });
        for trip in 1..=TRIPS_OF_CHILD {
            self.trip(usize::from(trip < TRIPS_OF_CHILD));
        }
        self.end_turn();
        let child = std::mem::replace(&mut self.agent, parent);
        let report = self.chance.text(MESSAGE_BYTES);
        let carried = json!({"child_agent_path": path, "message": report, "status": {"completed": report}});
        let carried = self.writer.payload("agent_result", &carried);
        let edge_id = format!("edge:agent_result:{}:{}:{}", child.thread, child.turn, self.agent.thread);
        self.writer.event_of(
            Some((&child.thread, &child.turn)),
            &json!({
                "type": "agent_result_observed", "edge_id": edge_id, "child_thread_id": child.thread,
                "child_codex_turn_id": child.turn, "parent_thread_id": self.agent.thread, "message": report,
                "carried_payload": carried,
            }),
        );
        self.deliver(&path, "/root", Part::InputText { text: report });
        self.writer.event(&json!({"type": "thread_ended", "thread_id": child.thread, "status": "completed"}));
    }

    /// Delivers a message from one agent to the other.
    fn deliver(&mut self, author: &str, recipient: &str, part: Part) {
        let id = format!("amsg_{}", self.chance.uuid());
        let item = Item::AgentMessage {
            id: id.clone(),
            author: author.to_owned(),
            recipient: recipient.to_owned(),
            content: vec![part],
        };
        let payload = self.writer.payload("protocol_event", &item);
        self.event(&json!({"type": "history_item_accepted", "item_id": id, "agent_message_payload": payload}));
        self.agent.push(item);
    }

    /// Replaces the history by a short one: the context, the last tasks and an encrypted summary.
    fn compact(&mut self) {
        let compaction = self.chance.uuid();
        let request_id = format!("compaction_request:{}", self.calls);
        let (thread, turn) = (self.agent.thread.clone(), self.agent.turn.clone());
        let request = self.agent.request(&self.tools);
        let request = self.writer.payload_text("compaction_request", &request);
        self.event(&json!({
            "type": "compaction_request_started", "compaction_id": compaction, "compaction_request_id": request_id,
            "thread_id": thread, "codex_turn_id": turn, "model": MODEL, "provider_name": "a-provider",
            "request_payload": request,
        }));
        let summary = Item::Compaction {
            id: format!("cmp_{}", self.chance.uuid()),
            encrypted_content: self.chance.cipher(2 * REASONING_BYTES),
        };
        let response = self.writer.payload("compaction_response", &json!({"output_items": [&summary]}));
        self.event(&json!({
            "type": "compaction_request_completed", "compaction_id": compaction,
            "compaction_request_id": request_id, "response_payload": response,
        }));
        let before = std::mem::take(&mut self.agent.history);
        let is_kept = |item: &Item| matches!(item, Item::Message { role: "user" | "developer", .. });
        let kept: Vec<Item> = before.iter().map(|(item, _)| item).filter(|item| is_kept(item)).cloned().collect();
        let recent = kept.len().saturating_sub(3).max(2);
        let mut replacement: Vec<Item> = kept.iter().take(2).chain(kept.iter().skip(recent)).cloned().collect();
        replacement.push(summary);
        let input: Vec<&Item> = before.iter().map(|(item, _)| item).collect();
        let checkpoint = json!({"input_history": input, "replacement_history": replacement});
        let checkpoint = self.writer.payload("compaction_checkpoint", &checkpoint);
        self.event(&json!({
            "type": "compaction_installed", "compaction_id": compaction, "checkpoint_payload": checkpoint,
        }));
        replacement.into_iter().for_each(|item| self.agent.push(item));
    }
}
