//! Scripts that write bundles, one event per line.
//!
//! ```text
//! # a comment
//! schema 1                                  (2 unless said otherwise; 3 has shards, and items are parts)
//! begin                                     starts rollout tr, thread T (/root) and its turn U
//! in T U                                    the envelope of the lines that follow; `-` for none
//! inference_started inference_call_id=i1 thread_id=T codex_turn_id=U model=m provider_name=p
//!     request_payload:inference_request={"input":["user hello"]}
//! end                                       ends turn U, thread T and the rollout, and writes the end marker
//! ```
//!
//! Abbreviations of the most common events, in the thread and turn of the envelope:
//!
//! ```text
//! ask i1 {"input":["user hello"]}           inference_started
//! reply i1 {"response_id":"r1",...}         inference_completed
//! call c1 exec_command {"cmd":"ls"}         tool_call_started by the model, with these arguments (or none)
//! runs c1 exec_command {...}                tool_call_runtime_started
//! ran c1 {...}                              tool_call_runtime_ended, completed
//! done c1 {...}                             tool_call_ended, completed
//! cell 1 x1 text(1)                         code_cell_started
//! accept m1                                 history_item_accepted
//! waits c2 1                                code_cell_wait_target_resolved
//! ```
//!
//! An indented line continues the previous one. A value is JSON if it parses as JSON, else the word itself.
//! `field:kind=document` writes a payload of that kind and puts the reference there. In arrays of model items, strings
//! represent items: `user hello`, `#m1 user hello` (with an id), `call c1 ls {"dir":"."}`, `output c1 done`, `custom x1
//! exec text(1)`, `answer x1 done`, `reasoning thoughts`, `agent /root /root/child hello`.

use std::{fs, io::Write, path::Path};

use serde_json::{Map, Value, json};

/// A bundle that a script describes.
pub(crate) struct Script {
    schema: u32,
    lines: Vec<String>,
    payloads: Vec<String>,
    /// The references to the payloads that are items (schema 3).
    items: Vec<(String, Value)>,
    context: (Option<String>, Option<String>),
}

impl Script {
    pub(crate) fn parse(text: &str) -> Self {
        let mut script =
            Self { schema: 2, lines: Vec::new(), payloads: Vec::new(), items: Vec::new(), context: (None, None) };
        let mut whole: Vec<String> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            match whole.last_mut() {
                Some(last) if line.starts_with(' ') => last.push_str(line),
                _ => whole.push(line.to_owned()),
            }
        }
        for line in &whole {
            script.line(line);
        }
        script
    }

    fn line(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "schema" => self.schema = rest.parse().expect("a number"),
            "in" => {
                let mut words = rest.split(' ').map(|word| (word != "-").then(|| word.to_owned()));
                self.context = (words.next().flatten(), words.next().flatten());
            }
            "begin" => {
                self.line("rollout_started trace_id=tr root_thread_id=T");
                self.line("thread_started thread_id=T agent_path=/root metadata_payload=null");
                self.line("in T U");
                self.line("codex_turn_started codex_turn_id=U thread_id=T");
            }
            "end" => {
                self.line("codex_turn_ended codex_turn_id=U status=completed");
                self.line("in - -");
                self.line("thread_ended thread_id=T status=completed");
                self.line("rollout_ended status=completed");
                if self.schema > 1 {
                    self.line("recording_completed");
                }
            }
            _ => match self.in_full(word, rest) {
                Some(line) => self.line(&line),
                None => self.event(word, rest),
            },
        }
    }

    /// Returns the full line for an abbreviated one, or `None` if the line is not abbreviated.
    fn in_full(&self, word: &str, rest: &str) -> Option<String> {
        let (id, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let turn = self.context.1.as_deref().unwrap_or("null");
        Some(match word {
            "ask" => {
                let thread = self.context.0.as_deref().expect("a thread asks");
                format!(
                    "inference_started inference_call_id={id} thread_id={thread} codex_turn_id={turn} model=gpt \
                     provider_name=p request_payload:inference_request={rest}"
                )
            }
            "reply" => {
                let document: Value = serde_json::from_str(rest).expect("a reply is JSON");
                let response = &document["response_id"];
                format!(
                    "inference_completed inference_call_id={id} response_id={response} \
                     response_payload:inference_response={rest}"
                )
            }
            "call" => {
                let (tool, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
                let kind = match tool {
                    "exec_command" | "write_stdin" | "spawn_agent" | "send_message" | "assign_agent_task"
                    | "close_agent" | "wait_agent" => json!({"type": tool}),
                    other => json!({"type": "other", "name": other}),
                };
                let summary = json!({"type": "generic", "label": tool});
                let invocation = match arguments {
                    "" => String::new(),
                    arguments => {
                        let payload = json!({"type": "function", "arguments": arguments});
                        let document = json!({"tool_name": tool, "tool_namespace": null, "payload": payload});
                        format!(" invocation_payload:tool_invocation={document}")
                    }
                };
                format!(
                    "tool_call_started tool_call_id={id} model_visible_call_id={id} requester={} kind={kind} \
                     summary={summary}{invocation}",
                    json!({"type": "model"})
                )
            }
            "runs" => {
                let (kind, document) = rest.split_once(' ').unwrap_or((rest, "{}"));
                let kind = match self.schema {
                    1 => String::new(),
                    _ => format!("kind={}", json!({"type": kind})),
                };
                format!(
                    "tool_call_runtime_started tool_call_id={id} runtime_payload:tool_runtime_event={document} {kind}"
                )
            }
            "ran" => {
                format!(
                    "tool_call_runtime_ended tool_call_id={id} status=completed runtime_payload:tool_runtime_event={rest}"
                )
            }
            "done" => format!("tool_call_ended tool_call_id={id} status=completed result_payload:tool_result={rest}"),
            "cell" => {
                let (call, source) = rest.split_once(' ').expect("a cell has a call and a source");
                let source = json!(source);
                format!(
                    "code_cell_started runtime_cell_id={} model_visible_call_id={call} source_js={source}",
                    json!(id)
                )
            }
            "accept" if rest.is_empty() => format!("history_item_accepted item_id={id}"),
            "accept" => format!("history_item_accepted item_id={id} tool_output_payload:protocol_event={rest}"),
            "waits" => {
                format!("code_cell_wait_target_resolved tool_call_id={id} runtime_cell_id={}", json!(rest))
            }
            _ => return None,
        })
    }

    fn event(&mut self, name: &str, mut rest: &str) {
        let mut payload = Map::from_iter([("type".to_owned(), json!(name))]);
        loop {
            rest = rest.trim_start();
            let Some((field, after)) = rest.split_once('=') else { break };
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
            let (value, length) = match values.next() {
                Some(Ok(value))
                    if after[values.byte_offset()..].starts_with([' ']) || after.len() == values.byte_offset() =>
                {
                    (value, values.byte_offset())
                }
                _ => {
                    let word = after.split(' ').next().expect("a split has at least one part");
                    (json!(word), word.len())
                }
            };
            rest = &after[length..];
            match field.split_once(':') {
                Some((field, kind)) => {
                    let reference = self.payload(kind, value);
                    payload.insert(field.to_owned(), reference);
                }
                None => {
                    payload.insert(field.to_owned(), value);
                }
            }
        }
        let seq = self.lines.len() + 1;
        let event = json!({
            "schema_version": self.schema,
            "seq": seq,
            "wall_time_unix_ms": 1000 + seq,
            "rollout_id": "R",
            "thread_id": self.context.0,
            "codex_turn_id": self.context.1,
            "payload": payload,
        });
        self.lines.push(event.to_string());
    }

    fn payload(&mut self, kind: &str, mut document: Value) -> Value {
        for name in ["input", "output_items", "input_history", "replacement_history"] {
            if let Some(Value::Array(items)) = document.get_mut(name) {
                items.iter_mut().for_each(expand);
            }
        }
        if document.as_str().is_some_and(|short| short.starts_with('#')) {
            expand(&mut document);
        }
        if self.schema == 3 {
            return self.in_shard(kind, document);
        }
        self.payloads.push(document.to_string());
        let number = self.payloads.len();
        json!({
            "raw_payload_id": format!("raw_payload:{number}"),
            "kind": {"type": kind},
            "path": format!("payloads/{number}.json"),
        })
    }

    /// Adds a payload to the shard. Its items are parts, which documents share, as Codex writes them.
    fn in_shard(&mut self, kind: &str, mut document: Value) -> Value {
        let mut parts = Vec::new();
        for name in ["input", "output_items", "input_history", "replacement_history"] {
            for item in document.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten() {
                let text = item.to_string();
                let known = self.items.iter().position(|(known, _)| *known == text);
                let place = known.unwrap_or_else(|| {
                    let reference = self.record("model_item", text.clone(), &[]);
                    self.items.push((text, reference));
                    self.items.len() - 1
                });
                *item = json!(PART);
                parts.push(self.items[place].1.clone());
            }
        }
        let whole = document.to_string();
        let marker = json!(PART).to_string();
        let fragments: Vec<_> = whole.split(&marker).collect();
        let record = if parts.is_empty() { whole.clone() } else { json!(fragments).to_string() };
        self.record(kind, record, &parts)
    }

    fn record(&mut self, kind: &str, record: String, parts: &[Value]) -> Value {
        self.payloads.push(record);
        let id = format!("raw_payload:{}", self.payloads.len());
        let mut reference = json!({"raw_payload_id": id, "kind": {"type": kind}, "shard": 1});
        if !parts.is_empty() {
            reference["parts"] = json!(parts);
        }
        reference
    }

    /// Returns the lines of the event log.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Returns the ids and bytes of the records in the shard of a bundle of schema 3.
    pub(crate) fn records(&self) -> Vec<(String, Vec<u8>)> {
        let ids = (1..).map(|number| format!("raw_payload:{number}"));
        ids.zip(self.payloads.iter().map(|record| record.clone().into_bytes())).collect()
    }

    /// Writes the bundle.
    pub(crate) fn write(&self, bundle: &Path) {
        fs::create_dir_all(bundle.join("payloads")).expect("a temporary folder can be written");
        let manifest = json!({
            "schema_version": self.schema,
            "trace_id": "tr",
            "rollout_id": "R",
            "root_thread_id": "T",
            "started_at_unix_ms": 1000,
            "raw_event_log": "trace.jsonl",
            "payloads_dir": "payloads",
        });
        fs::write(bundle.join("manifest.json"), manifest.to_string()).expect("a temporary folder can be written");
        let log: String = self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        fs::write(bundle.join("trace.jsonl"), log).expect("a temporary folder can be written");
        if self.schema == 3 {
            let shard = frame(&shard_bytes(&self.records()));
            return fs::write(bundle.join("payloads/000001.zst"), shard).expect("a temporary folder can be written");
        }
        for (number, payload) in (1..).zip(&self.payloads) {
            let path = bundle.join(format!("payloads/{number}.json"));
            fs::write(path, payload).expect("a temporary folder can be written");
        }
    }
}

/// What represents a part while the text of a document is cut.
const PART: &str = "<part>";

/// Returns the decompressed bytes of a shard with these records.
pub(crate) fn shard_bytes(records: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (id, document) in records {
        bytes.extend(u16::try_from(id.len()).expect("an id is short").to_le_bytes());
        bytes.extend((document.len() as u64).to_le_bytes());
        bytes.extend(id.as_bytes());
        bytes.extend(document);
    }
    bytes
}

/// Compresses the bytes of a shard as Codex does.
pub(crate) fn frame(bytes: &[u8]) -> Vec<u8> {
    open_frame(&[bytes]).finish().expect("a vector takes all bytes")
}

/// Compresses texts, which are flushed one by one, into a frame that is not ended.
pub(crate) fn open_frame(texts: &[&[u8]]) -> zstd::Encoder<'static, Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("the level is valid");
    encoder.include_checksum(true).expect("the encoder takes parameters");
    encoder.include_contentsize(false).expect("the encoder takes parameters");
    for text in texts {
        encoder.write_all(text).expect("a vector takes all bytes");
        encoder.flush().expect("a vector takes all bytes");
    }
    encoder
}

/// Replaces an abbreviated item by the full one.
fn expand(item: &mut Value) {
    let Value::String(short) = item else { return };
    let (id, short) = match short.strip_prefix('#').and_then(|short| short.split_once(' ')) {
        Some((id, short)) => (Some(id), short),
        None => (None, short.as_str()),
    };
    let (kind, rest) = short.split_once(' ').unwrap_or((short, ""));
    let mut words = rest.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let mut expanded = match kind {
        "user" | "developer" | "system" => {
            json!({"type": "message", "role": kind, "content": [{"type": "input_text", "text": rest}]})
        }
        "assistant" => json!({"type": "message", "role": kind, "content": [{"type": "output_text", "text": rest}]}),
        "reasoning" => json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": rest}]}),
        "call" => json!({"type": "function_call", "call_id": word(), "name": word(), "arguments": word()}),
        "custom" => json!({"type": "custom_tool_call", "call_id": word(), "name": word(), "input": word()}),
        "output" | "answer" => {
            let (call_id, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let kind = if kind == "output" { "function_call_output" } else { "custom_tool_call_output" };
            json!({"type": kind, "call_id": call_id, "output": text})
        }
        "agent" => {
            let (author, recipient) = (word(), word());
            json!({"type": "agent_message", "author": author, "recipient": recipient,
                "content": [{"type": "input_text", "text": word()}]})
        }
        other => panic!("no such item in short: {other}"),
    };
    if let Some(id) = id {
        expanded["id"] = json!(id);
    }
    *item = expanded;
}
