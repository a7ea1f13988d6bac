//! Sessions of Pi.
//!
//! Source: imports, section 3.4.

mod tree;

use std::{collections::VecDeque, path::Path};

use rollout_trace_bundle::PayloadError;
use rollout_trace_schema::{CompactionId, EvidenceSource, ExecutionStatus, ThreadId};
use serde_json::{Value, json, value::RawValue};

use crate::{
    Limits, detect,
    draft::{At, Draft},
    following::{Follower, Following},
    linear::{
        Answered, Ending, Linear, Run, exit_code, function_call, function_call_output, message, or_unknown, reasoning,
    },
    object::{Object, raw},
    problem::{Problem, ProblemCode},
    session::Opened,
    sources::Sources,
    time,
    writer::{Answer, Called, Item},
};
use tree::{Entry, Tree};

/// Opens a session.
pub(crate) fn open(path: &Path, sources: &Sources, limits: Limits) -> Result<Opened, PayloadError> {
    let head = detect::head(path);
    let header = head.first().and_then(|text| Object::parse(text)).unwrap_or_default();
    let stem = path.file_stem().map_or_else(|| "session".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let session = header.text("id").unwrap_or(stem);
    let started_at = header.text("timestamp").and_then(|text| time::parse(&text));
    let records = sources.open(path, limits)?;
    let root = ThreadId::from(session.as_str());
    let mut thread = Linear::new(root.clone(), started_at.unwrap_or_default());
    thread.cwd = header.text("cwd");
    let at = thread.at(EvidenceSource { file: records.file, line: 1 }, None);
    let ready = VecDeque::from([thread.rollout(&at)]);
    let parent = header.text("parentSession");
    let metadata = json!({
        "thread_id": root, "agent_path": "/root", "cwd": thread.cwd,
        "copied_from": parent.as_ref().map(|session| json!({"thread_id": session})),
    });
    thread.writer.thread_started(&at, "/root", &metadata);
    let reader = Reader { ready, thread, tree: Tree::default(), tools: None, last: at };
    Ok(Opened {
        session,
        root,
        started_at,
        version: None,
        history_from: parent.into_iter().collect(),
        streams: vec![Box::new(Following::new(records, reader))],
        children: Box::new(|_| None),
    })
}

struct Reader {
    ready: VecDeque<Draft>,
    thread: Linear,
    tree: Tree,
    /// The tools that the file says the model was offered.
    tools: Option<Box<RawValue>>,
    last: At,
}

impl Reader {
    fn read(&mut self, place: EvidenceSource, text: &str) {
        let Some(record) = Object::parse(text) else { return };
        let kind = record.text("type").unwrap_or_default();
        if kind == "session" {
            return;
        }
        let at = self.thread.at(place, record.text("timestamp").as_deref());
        self.last = at.clone();
        let id = record.text("id").unwrap_or_else(|| format!("line.{}", place.line));
        if !self.thread.is_new(&at, &id) {
            return;
        }
        let parent = record.text("parentId");
        let mut entry = Entry { parent: parent.clone(), items: Vec::new(), is_start: false };
        match kind.as_str() {
            "message" => {
                if let Some(message) = record.object("message") {
                    entry.items = self.read_message(&at, &id, parent.as_deref(), &message);
                }
            }
            "compaction" => {
                (entry.items, entry.is_start) = (self.read_compaction(&at, &id, parent.as_deref(), &record), true)
            }
            "branch_summary" | "custom_message" => {
                let summary = record.text("summary").or_else(|| record.text("content")).unwrap_or_default();
                entry.items = vec![message("user", &id, &[summary])];
                self.thread.input(&at, &entry.items);
            }
            "model_change" | "thinking_level_change" | "usage" | "custom" | "label" | "session_info" => {
                self.thread.writer.protocol(&at, &kind, &record);
            }
            _ => self.thread.unknown(&at, &kind, &record),
        }
        self.tree.insert(id, entry);
    }

    /// Makes the history end with an entry.
    fn go_to(&mut self, at: &At, last: Option<&str>) {
        if let Some(id) = self.tree.go_to(last) {
            let message = format!("the entries before {id} lead back to it; the history is cut there");
            self.thread.writer.problem(at, ProblemCode::ParentCycle, message);
        }
    }

    fn read_message(&mut self, at: &At, id: &str, parent: Option<&str>, body: &Object<'_>) -> Vec<Item> {
        let role = body.text("role").unwrap_or_default();
        match role.as_str() {
            "system" => {
                self.tools = body.get("toolsAdded").map(ToOwned::to_owned).or(self.tools.take());
                let items = vec![system(id, body)];
                self.thread.input(at, &items);
                items
            }
            "assistant" => self.read_answer(at, id, parent, body),
            "toolResult" => {
                let call_id = body.text("toolCallId").unwrap_or_default();
                let (output, text) = output(body.get("content"));
                let item = function_call_output(id, &call_id, &output);
                self.thread.input(at, std::slice::from_ref(&item));
                let status = if body.flag("isError") { ExecutionStatus::Failed } else { ExecutionStatus::Completed };
                let run = body.int("durationMs").map(|took| Run { took, exit_code: exit_code(&text) });
                self.thread.tool_answered(at, &call_id, (&item, &text), status, run);
                vec![item]
            }
            _ => {
                let (_, text) = output(body.get("content"));
                let items = vec![message("user", id, &[text])];
                if role == "user" {
                    self.thread.prompt(at, id, &items);
                } else {
                    self.thread.input(at, &items);
                }
                items
            }
        }
    }

    fn read_answer(&mut self, at: &At, id: &str, parent: Option<&str>, body: &Object<'_>) -> Vec<Item> {
        self.go_to(at, parent);
        let (mut items, mut calls) = (Vec::new(), Vec::new());
        let parts = body.list("content").unwrap_or_default();
        for (place, part) in parts.iter().filter_map(|part| Object::of(part)).enumerate() {
            let id = format!("{id}.{place}");
            items.push(match part.text("type").as_deref() {
                Some("thinking") => {
                    reasoning(&id, &part.text("thinking").unwrap_or_default(), part.text("thinkingSignature"))
                }
                Some("toolCall") => {
                    let called = Called {
                        id: part.text("id").unwrap_or_else(|| id.clone()),
                        name: part.text("name").unwrap_or_default(),
                        arguments: part
                            .get("arguments")
                            .map_or_else(|| "{}".to_owned(), |value| value.get().to_owned()),
                    };
                    let item = function_call(&id, &called);
                    calls.push((called, None, None));
                    item
                }
                _ => message("assistant", &id, &[part.text("text").unwrap_or_default()]),
            });
        }
        let stop = body.text("stopReason");
        let error = || body.text("errorMessage").unwrap_or_else(|| "the answer failed".to_owned());
        let ending = match stop.as_deref() {
            Some("error") => Ending::Failed(error()),
            Some("aborted") => Ending::Cancelled("aborted".to_owned()),
            _ => Ending::Completed,
        };
        let mut rest = Object::default();
        let mut missing: &[&str] = &["instructions", "tools"];
        if let Some(tools) = &self.tools {
            rest.set("tools", tools);
            missing = &[];
        }
        let answer = Answer {
            response_id: body.text("responseId"),
            usage: body.read("usage").and_then(usage),
            items: items.clone(),
            ..Answer::default()
        };
        let (model, provider) = (or_unknown(body.text("model")), or_unknown(body.text("provider")));
        let answered = Answered {
            started: body.int("timestamp").filter(time::is_plausible),
            model: &model,
            provider: &provider,
            answer,
            calls,
            ending,
            parts: (missing, rest),
            is_last: !matches!(stop.as_deref(), None | Some("toolUse" | "length")),
        };
        self.thread.answered(at, self.tree.live(), answered);
        items
    }

    fn read_compaction(&mut self, at: &At, id: &str, parent: Option<&str>, record: &Object<'_>) -> Vec<Item> {
        self.go_to(at, parent);
        let before = self.tree.live().to_vec();
        let first = record.text("firstKeptEntryId");
        let kept = first.and_then(|first| self.tree.live_from(&first)).unwrap_or_default().to_vec();
        let mut after: Vec<Item> =
            record.object("systemMessage").map(|body| system(&format!("{id}.system"), &body)).into_iter().collect();
        after.push(message("user", id, &[record.text("summary").unwrap_or_default()]));
        after.extend(kept);
        let at = self.thread.compaction_turn(&at.reconstructed());
        let compaction = CompactionId::from(format!("import:{}:compaction:{id}", self.thread.writer.thread));
        self.thread.writer.compacted(&at, &compaction, &before, &after);
        after
    }
}

/// Makes the item of a system message: its text, and its sections.
fn system(id: &str, body: &Object<'_>) -> Item {
    let mut texts: Vec<String> = body.text("content").filter(|text| !text.is_empty()).into_iter().collect();
    texts.extend(body.object("sections").map(|sections| sections.texts()).unwrap_or_default());
    message("system", id, &texts)
}

/// Returns a content as the output of a call, and its text.
fn output(content: Option<&RawValue>) -> (Box<RawValue>, String) {
    let Some(content) = content else { return (raw(""), String::new()) };
    let Some(parts) = crate::object::elements(content) else {
        return (content.to_owned(), serde_json::from_str(content.get()).unwrap_or_default());
    };
    let (mut outputs, mut texts) = (Vec::new(), Vec::new());
    for part in parts {
        let Some(mut part) = Object::of(part) else { continue };
        texts.extend(part.text("text"));
        let kind = part.text("type").unwrap_or_else(|| "text".to_owned());
        part.set("type", &format!("input_{kind}"));
        outputs.push(raw(&part));
    }
    (raw(&outputs), texts.join("\n"))
}

/// Returns figures in the form of a response document.
fn usage(usage: Value) -> Option<Value> {
    let figure = |name: &str| usage.get(name).and_then(Value::as_i64).unwrap_or(0);
    usage.is_object().then(|| {
        json!({
            "input_tokens": figure("input") + figure("cacheRead") + figure("cacheWrite"),
            "cached_input_tokens": figure("cacheRead"),
            "cache_write_input_tokens": figure("cacheWrite"),
            "output_tokens": figure("output"),
            "reasoning_output_tokens": figure("reasoning"),
        })
    })
}

impl Follower for Reader {
    fn record(&mut self, place: EvidenceSource, text: &str) {
        self.read(place, text);
    }

    fn problem(&mut self, place: EvidenceSource, problem: Problem) {
        let at = At { place, ..self.last.clone() };
        self.thread.writer.problem(&at, problem.code, problem.message);
    }

    fn end(&mut self) {
        self.thread.end(&self.last);
    }

    fn take(&mut self) -> VecDeque<Draft> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.extend(self.thread.take());
        ready
    }
}
