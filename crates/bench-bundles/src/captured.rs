//! Sessions over other APIs than Responses, as a capture of the wire has them: requests, answers, and nothing else.

use std::path::Path;

use serde_json::{Value, json};

use crate::{prose::Chance, synthetic::Form, writer::Writer};

/// How many trips make a turn. The last one ends it with a message and calls no tool.
const TRIPS_PER_TURN: usize = 5;
const TOOLS: usize = 15;
const TOOL_BYTES: usize = 1_500;
const INSTRUCTIONS_BYTES: usize = 16_000;
const OUTPUT_BYTES: usize = 3_000;
const ARGUMENT_BYTES: usize = 200;
const THOUGHT_BYTES: usize = 1_000;
const TEXT_BYTES: usize = 800;
const MODEL: &str = "a-model";
const THREAD: &str = "thread-1";

/// A session over one API. Each request is compact JSON with the full history.
#[derive(Clone, Copy, Debug)]
pub struct Captured {
    /// The API.
    pub api: CapturedApi,
    /// Round trips to the model, each with one tool call, except for every fifth.
    pub trips: usize,
}

/// An API other than Responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapturedApi {
    /// Messages. The last two messages of each request have `cache_control`, which so moves from request to request.
    Messages,
    /// Chat Completions.
    ChatCompletions,
    /// Gemini.
    GenerateContent,
    /// Gemini through Code Assist, which wraps requests and answers.
    CodeAssist,
}

impl Captured {
    /// Writes the bundle into an empty folder, one file per payload.
    ///
    /// # Panics
    ///
    /// Panics if the folder cannot be written to.
    pub fn write(&self, folder: &Path) {
        Session::new(self.api, folder).run(self.trips);
    }
}

/// A message of the history, as text.
struct Message {
    plain: String,
    /// With the mark of the provider's cache, if the API has one.
    marked: String,
}

struct Session {
    api: CapturedApi,
    chance: Chance,
    writer: Writer,
    history: Vec<Message>,
    instructions: String,
    tools: Value,
    turn: String,
    calls: usize,
}

impl Session {
    fn new(api: CapturedApi, folder: &Path) -> Self {
        let mut chance = Chance::new(7);
        let trace_id = chance.uuid();
        let mut writer = Writer::new(folder, Form::Files, (&trace_id, "rollout")).observing_the_wire_alone();
        writer.event(&json!({"type": "rollout_started", "trace_id": trace_id, "root_thread_id": "rollout"}));
        let metadata = json!({
            "thread_id": THREAD, "agent_path": "/root", "session_source": "capture", "model": MODEL,
            "provider_name": "a-provider", "thread_assignment": "history",
        });
        let metadata = writer.payload("session_metadata", &metadata);
        writer.event(&json!({
            "type": "thread_started", "thread_id": THREAD, "agent_path": "/root", "metadata_payload": metadata,
        }));
        let tools = (0..TOOLS).map(|number| tool(api, number, &mut chance)).collect();
        let instructions = chance.text(INSTRUCTIONS_BYTES);
        Self { api, instructions, tools, chance, writer, history: Vec::new(), turn: String::new(), calls: 0 }
    }

    fn run(mut self, trips: usize) {
        for trip in 0..trips {
            if trip % TRIPS_PER_TURN == 0 {
                self.start_turn(trip / TRIPS_PER_TURN + 1);
            }
            let is_last = (trip + 1) % TRIPS_PER_TURN == 0 || trip + 1 == trips;
            self.trip(is_last);
            if is_last {
                self.event(&json!({"type": "codex_turn_ended", "codex_turn_id": self.turn, "status": "completed"}));
            }
        }
        self.writer.event(&json!({"type": "thread_ended", "thread_id": THREAD, "status": "completed"}));
        self.writer.event(&json!({"type": "rollout_ended", "status": "completed"}));
        self.writer.finish();
    }

    /// Writes an event of the turn.
    fn event(&mut self, payload: &Value) {
        self.writer.event_of(Some((THREAD, &self.turn)), payload);
    }

    fn start_turn(&mut self, number: usize) {
        self.turn = format!("{THREAD}/turn-{number}");
        self.event(&json!({"type": "codex_turn_started", "codex_turn_id": self.turn, "thread_id": THREAD}));
        let text = self.chance.text(TEXT_BYTES);
        let message = match self.api {
            CapturedApi::Messages => json!({"role": "user", "content": [{"type": "text", "text": text}]}),
            CapturedApi::ChatCompletions => json!({"role": "user", "content": text}),
            _ => json!({"role": "user", "parts": [{"text": text}]}),
        };
        self.push(message);
    }

    fn push(&mut self, message: Value) {
        let plain = message.to_string();
        let mut marked = message;
        if self.api == CapturedApi::Messages {
            let blocks = marked["content"].as_array_mut().expect("the content of a message is an array here");
            blocks.last_mut().expect("and not empty")["cache_control"] = json!({"type": "ephemeral"});
        }
        self.history.push(Message { plain, marked: marked.to_string() });
    }

    fn trip(&mut self, is_last: bool) {
        let call = self.chance.uuid();
        let request = self.request();
        let request = self.writer.payload_text("inference_request", &request);
        let wire_api = match self.api {
            CapturedApi::Messages => "messages",
            CapturedApi::ChatCompletions => "chat_completions",
            CapturedApi::GenerateContent | CapturedApi::CodeAssist => "generate_content",
        };
        self.event(&json!({
            "type": "inference_started", "inference_call_id": call, "thread_id": THREAD, "codex_turn_id": self.turn,
            "model": MODEL, "provider_name": "a-provider", "wire_api": wire_api, "request_payload": request,
        }));
        self.calls += 1;
        let answer = Answer {
            thought: self.chance.text(THOUGHT_BYTES),
            signature: self.chance.cipher(THOUGHT_BYTES / 2),
            content: if is_last {
                Content::Text(self.chance.text(TEXT_BYTES))
            } else {
                Content::Call { id: format!("call_{:024}", self.calls), command: self.chance.text(ARGUMENT_BYTES) }
            },
        };
        let message = answer.message(self.api);
        let response = self.writer.payload("inference_response", &answer.response(self.api, &message));
        self.event(&json!({
            "type": "inference_completed", "inference_call_id": call, "response_id": "response",
            "response_payload": response,
        }));
        self.push(message);
        if let Content::Call { id, .. } = &answer.content {
            let output = self.chance.text(OUTPUT_BYTES);
            let message = match self.api {
                CapturedApi::Messages => json!({
                    "role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": output}],
                }),
                CapturedApi::ChatCompletions => json!({"role": "tool", "tool_call_id": id, "content": output}),
                _ => {
                    let response = json!({"id": id, "name": "bash", "response": {"output": output}});
                    json!({"role": "user", "parts": [{"functionResponse": response}]})
                }
            };
            self.push(message);
        }
    }

    /// Returns a request's text, with its fields in the order in which clients send them.
    fn request(&self) -> String {
        let first_marked = self.history.len().saturating_sub(2);
        let messages = self.history.iter().enumerate();
        let messages = messages.map(|(at, message)| if at < first_marked { &message.plain } else { &message.marked });
        let messages = messages.map(String::as_str).collect::<Vec<_>>().join(",");
        let (instructions, tools) = (json!(self.instructions), &self.tools);
        match self.api {
            CapturedApi::Messages => format!(
                r#"{{"model":"{MODEL}","messages":[{messages}],"system":[{{"type":"text","text":{instructions},"cache_control":{{"type":"ephemeral"}}}}],"tools":{tools},"max_tokens":32000,"stream":true}}"#
            ),
            CapturedApi::ChatCompletions => format!(
                r#"{{"model":"{MODEL}","messages":[{{"role":"system","content":{instructions}}},{messages}],"tools":{tools},"stream":true}}"#
            ),
            CapturedApi::GenerateContent => format!(
                r#"{{"contents":[{messages}],"systemInstruction":{{"parts":[{{"text":{instructions}}}]}},"tools":[{{"functionDeclarations":{tools}}}],"generationConfig":{{"temperature":1}}}}"#
            ),
            CapturedApi::CodeAssist => format!(
                r#"{{"model":"{MODEL}","project":"a-project","user_prompt_id":"{}","request":{{"contents":[{messages}],"systemInstruction":{{"parts":[{{"text":{instructions}}}]}},"tools":[{{"functionDeclarations":{tools}}}],"session_id":"{THREAD}"}}}}"#,
                self.turn
            ),
        }
    }
}

fn tool(api: CapturedApi, number: usize, chance: &mut Chance) -> Value {
    let fields = (0..6).map(|field| {
        let description = chance.text(TOOL_BYTES / 8);
        (format!("field_{field}"), json!({"type": "string", "description": description}))
    });
    let properties: serde_json::Map<_, _> = fields.collect();
    let (name, schema) = (format!("tool_{number}"), json!({"type": "object", "properties": properties}));
    let description = chance.text(TOOL_BYTES / 4);
    match api {
        CapturedApi::Messages => json!({"name": name, "description": description, "input_schema": schema}),
        CapturedApi::ChatCompletions => {
            json!({"type": "function", "function": {"name": name, "description": description, "parameters": schema}})
        }
        _ => json!({"name": name, "description": description, "parameters": schema}),
    }
}

/// What the model answers.
struct Answer {
    thought: String,
    signature: String,
    content: Content,
}

enum Content {
    Text(String),
    Call { id: String, command: String },
}

impl Answer {
    /// Returns the message of the answer, which the next request repeats.
    fn message(&self, api: CapturedApi) -> Value {
        let Self { thought, signature, content } = self;
        match api {
            CapturedApi::Messages => {
                let block = match content {
                    Content::Text(text) => json!({"type": "text", "text": text}),
                    Content::Call { id, command } => {
                        json!({"type": "tool_use", "id": id, "name": "bash", "input": {"command": command}})
                    }
                };
                let thought = json!({"type": "thinking", "thinking": thought, "signature": signature});
                json!({"role": "assistant", "content": [thought, block]})
            }
            CapturedApi::ChatCompletions => match content {
                Content::Text(text) => json!({"role": "assistant", "reasoning_content": thought, "content": text}),
                Content::Call { id, command } => {
                    let arguments = json!({"command": command}).to_string();
                    let function = json!({"name": "bash", "arguments": arguments});
                    let call = json!({"id": id, "type": "function", "function": function});
                    json!({
                        "role": "assistant", "reasoning_content": thought, "content": null, "tool_calls": [call],
                    })
                }
            },
            CapturedApi::GenerateContent | CapturedApi::CodeAssist => {
                let part = match content {
                    Content::Text(text) => json!({"text": text, "thoughtSignature": signature}),
                    Content::Call { id, command } => json!({
                        "functionCall": {"id": id, "name": "bash", "args": {"command": command}},
                        "thoughtSignature": signature,
                    }),
                };
                json!({"role": "model", "parts": [{"thought": true, "text": thought}, part]})
            }
        }
    }

    /// Returns the response document with this message.
    fn response(&self, api: CapturedApi, message: &Value) -> Value {
        let calls = matches!(self.content, Content::Call { .. });
        match api {
            CapturedApi::Messages => json!({
                "id": "response", "type": "message", "role": "assistant", "model": MODEL, "content": message["content"],
                "stop_reason": if calls { "tool_use" } else { "end_turn" },
                "usage": {"input_tokens": 9, "cache_read_input_tokens": 1200, "output_tokens": 40},
            }),
            CapturedApi::ChatCompletions => json!({
                "id": "response", "object": "chat.completion", "model": MODEL,
                "choices": [{"index": 0, "message": message, "finish_reason": if calls { "tool_calls" } else { "stop" }}],
                "usage": {"prompt_tokens": 1209, "completion_tokens": 40},
            }),
            CapturedApi::GenerateContent | CapturedApi::CodeAssist => json!({
                "candidates": [{"index": 0, "content": message, "finishReason": "STOP"}], "responseId": "response",
                "usageMetadata": {"promptTokenCount": 1209, "candidatesTokenCount": 40},
            }),
        }
    }
}
