//! From the parts of a message to items.

use rollout_trace_schema::{EvidenceSource, ExecutionStatus, UnixMillis};
use serde_json::{Value, json, value::RawValue};

use crate::{
    linear::{Ending, function_call, function_call_output, message, reasoning},
    object::{Object, raw},
    time,
    writer::{Called, Item},
};

/// A part of a message.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) place: EvidenceSource,
    pub(super) body: Object<'static>,
}

impl Part {
    pub(super) fn kind(&self) -> String {
        self.body.text("type").unwrap_or_default()
    }
}

/// What is known about a call and its run.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) called: Called,
    pub(super) place: EvidenceSource,
    pub(super) started: Option<UnixMillis>,
    pub(super) output: Option<Output>,
    /// The session of the agent that the call started.
    pub(super) agent: Option<String>,
}

/// What a tool gave.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) item: Item,
    pub(super) text: String,
    pub(super) status: ExecutionStatus,
    pub(super) ended: Option<UnixMillis>,
    pub(super) exit_code: Option<i64>,
}

/// Returns the item that a part of a person's message is, if the model gets it.
pub(super) fn input(part: &Part) -> Option<Item> {
    match part.kind().as_str() {
        "text" if !part.body.flag("ignored") => {
            let text = part.body.text("text").filter(|text| !text.is_empty())?;
            Some(message("user", &part.id, &[text]))
        }
        // What is in a text file or a folder is in a text of the message.
        "file" if !matches!(part.body.text("mime").as_deref(), Some("text/plain" | "application/x-directory")) => {
            let content = [file(&part.body)];
            let item = json!({"type": "message", "id": part.id, "role": "user", "content": content});
            Some(Item::new(part.id.as_str(), raw(&item)))
        }
        _ => None,
    }
}

/// Returns a file as the model gets it.
fn file(body: &Object<'_>) -> Value {
    let url = body.text("url").unwrap_or_default();
    match body.text("mime") {
        Some(mime) if mime.starts_with("image/") => json!({"type": "input_image", "image_url": url}),
        mime => json!({"type": "input_file", "filename": body.text("filename"), "mime": mime, "file_data": url}),
    }
}

/// Returns the item that a part of an answer is, if it is text or reasoning.
pub(super) fn said(part: &Part) -> Option<Item> {
    let text = part.body.text("text").unwrap_or_default();
    match part.kind().as_str() {
        "text" if !text.is_empty() => Some(message("assistant", &part.id, &[text])),
        "reasoning" => Some(reasoning(&part.id, &text, signature(part))),
        _ => None,
    }
}

/// Returns the signature that a provider gave to its reasoning.
fn signature(part: &Part) -> Option<String> {
    let metadata = part.body.object("metadata")?;
    metadata.names().find_map(|provider| metadata.object(provider)?.text("signature"))
}

/// Returns the call that a part is, with its item. A call's id is the part's if the part has none, or `is_used` says that
/// another call has it.
pub(super) fn tool(part: &Part, is_used: impl Fn(&str) -> bool) -> (Item, Tool) {
    let state = part.body.object("state").unwrap_or_default();
    let id = match part.body.text("callID").filter(|id| !id.is_empty()) {
        Some(id) if is_used(&id) => format!("{id}#{}", part.id),
        Some(id) => id,
        None => part.id.clone(),
    };
    let called = Called {
        id,
        name: part.body.text("tool").unwrap_or_default(),
        arguments: state.get("input").map_or_else(|| "{}".to_owned(), |input| input.get().to_owned()),
    };
    let times = state.object("time").unwrap_or_default();
    let metadata = state.object("metadata").unwrap_or_default();
    let item = function_call(&part.id, &called);
    let tool = Tool {
        place: part.place,
        started: times.int("start").filter(time::is_plausible),
        output: output(&format!("{}.output", part.id), &called.id, &state, &metadata)
            .map(|output| Output { ended: times.int("end").filter(time::is_plausible), ..output }),
        agent: metadata.text("sessionId").or_else(|| metadata.text("sessionID")),
        called,
    };
    (item, tool)
}

fn output(id: &str, call: &str, state: &Object<'_>, metadata: &Object<'_>) -> Option<Output> {
    let (text, status) = match state.text("status").as_deref() {
        Some("completed") => (state.text("output").unwrap_or_default(), ExecutionStatus::Completed),
        Some("error") => {
            let status =
                if metadata.flag("interrupted") { ExecutionStatus::Cancelled } else { ExecutionStatus::Failed };
            (state.text("error").unwrap_or_default(), status)
        }
        _ => return None,
    };
    let files = state.list("attachments").unwrap_or_default();
    let value: Box<RawValue> = if files.is_empty() {
        raw(&text)
    } else {
        let files = files.into_iter().filter_map(|attached| Some(file(&Object::of(attached)?)));
        raw(&[json!({"type": "input_text", "text": text})].into_iter().chain(files).collect::<Vec<_>>())
    };
    let item = function_call_output(id, call, &value);
    Some(Output { item, text, status, ended: None, exit_code: metadata.int("exit") })
}

/// Returns how an answer ended. What is followed by another message has ended, whatever its record says.
pub(super) fn ending(body: &Object<'_>, parts: &[Part], is_followed: bool) -> Ending {
    if let Some(error) = body.object("error") {
        let name = error.text("name").unwrap_or_default();
        let said = error.object("data").and_then(|data| data.text("message")).or_else(|| error.text("message"));
        let words = [Some(name.clone()).filter(|name| !name.is_empty()), said];
        let words = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
        return if name.contains("Aborted") { Ending::Cancelled(words) } else { Ending::Failed(words) };
    }
    let has_end = body.text("finish").is_some()
        || body.object("time").is_some_and(|times| times.int("completed").is_some())
        || parts.iter().any(|part| part.kind() == "step-finish");
    match (has_end, is_followed) {
        (true, _) => Ending::Completed,
        (false, true) => Ending::Failed("the answer has no end".to_owned()),
        (false, false) => Ending::Open,
    }
}

/// Returns the figures of an answer, in the form of a response document.
pub(super) fn usage(tokens: &Object<'_>) -> Value {
    let figure = |object: &Object<'_>, name: &str| object.int(name).unwrap_or(0).max(0);
    let cache = tokens.object("cache").unwrap_or_default();
    let (read, written) = (figure(&cache, "read"), figure(&cache, "write"));
    let input = figure(tokens, "input").saturating_add(read).saturating_add(written);
    let (output, reasoning) = (figure(tokens, "output"), figure(tokens, "reasoning"));
    // Whether reasoning is a part of the output depends on the version; the total shows it.
    let is_apart =
        tokens.int("total").is_some_and(|total| total == input.saturating_add(output).saturating_add(reasoning));
    json!({
        "input_tokens": input,
        "cached_input_tokens": read,
        "cache_write_input_tokens": written,
        "output_tokens": if is_apart { output.saturating_add(reasoning) } else { output },
        "reasoning_output_tokens": reasoning,
    })
}
