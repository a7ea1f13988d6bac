//! Reads the events of a stream as the parts of an answer.

use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use super::{
    ModelError, ResponseEvent,
    bounds::{ANSWER_BYTES, ANSWER_ITEMS},
    complaint::Complaint,
    draft::{Drafts, text},
    event::{item, usage},
    sse::Frame,
    surrogates,
};
use crate::lenient;

/// Reads the events of one stream, of which gateways send more kinds than the protocol has.
///
/// An event that is not understood costs at most what it says. What an answer consists of is what the user saw: text
/// that came only in pieces is part of it.
#[derive(Debug, Default)]
pub(super) struct Reader {
    read: VecDeque<Result<ResponseEvent, ModelError>>,
    drafts: Drafts,
    /// The number of whole items so far, and their ids.
    items: usize,
    item_bytes: usize,
    ids: HashSet<String>,
    /// The texts of the messages that have arrived whole.
    messages: HashSet<String>,
    /// The arguments and inputs of the calls that have arrived whole.
    inputs: HashSet<String>,
    /// The first half of a surrogate pair, whose second half may be in the next piece.
    half: Option<u16>,
    /// Whether pieces of the answer may have been lost, even if none is reported.
    has_lost_pieces: bool,
    /// Why the first event that could not be read could not.
    left_out: Option<String>,
}

impl Reader {
    /// Returns the next event that has been read.
    pub(super) fn next(&mut self) -> Option<Result<ResponseEvent, ModelError>> {
        self.read.pop_front()
    }

    /// Returns why an event could not be read, if there was one.
    pub(super) fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// Reads one event.
    pub(super) fn read(&mut self, frame: &Frame) {
        let data = frame.data.trim();
        // Some servers send empty data to keep the connection alive, and `[DONE]` at the end.
        if matches!(data, "" | "[DONE]") {
            return;
        }
        let event = match lenient::parse_with_halves(data) {
            Some((event, halves)) => {
                let event = self.event(&frame.name, event, &halves);
                if matches!(event, Ok(ResponseEvent::Item(_))) {
                    self.item_bytes += data.len();
                }
                event
            }
            None if is_error(&frame.name) => Err(ModelError::Failed(Complaint::of_words(data))),
            // A server may send any text to keep the connection alive. This is more than that.
            None if frame.name.starts_with("response.") || data.starts_with(['{', '[']) => {
                Ok(self.leave_out(&frame.name, "is not JSON"))
            }
            None => {
                // A word keeps the connection alive. Anything else may be the rest of a damaged event.
                self.has_lost_pieces |= data.contains(['"', '{', '}']);
                Ok(ResponseEvent::Other)
            }
        };
        self.read.push_back(event);
        if let Some(error) = self.excess() {
            self.read.push_back(Err(error));
        }
    }

    /// Returns an error if the answer takes too much memory.
    fn excess(&self) -> Option<ModelError> {
        let (begun, bytes) = self.drafts.size();
        if self.item_bytes + bytes > ANSWER_BYTES {
            return Some(ModelError::too_long("the answer"));
        }
        let is_too_many = self.items.max(begun) > ANSWER_ITEMS;
        is_too_many.then(|| ModelError::Unreadable(format!("the answer has more than {ANSWER_ITEMS} items")))
    }

    fn event(&mut self, name: &str, mut event: Value, halves: &[u16]) -> Result<ResponseEvent, ModelError> {
        let kind = kind(name, &event).to_owned();
        match kind.as_str() {
            "response.output_text.delta" | "response.refusal.delta" => {
                let delta = surrogates::joined(&mut self.half, delta(&event).to_owned(), halves);
                self.drafts.add_text(&event, &delta, kind.contains("refusal"));
                return Ok(ResponseEvent::TextDelta(delta));
            }
            "response.output_text.done" => self.drafts.set_text(&event, string(&event["text"]), false),
            "response.refusal.done" => self.drafts.set_text(&event, string(&event["refusal"]), true),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                return Ok(ResponseEvent::ReasoningDelta(delta(&event).to_owned()));
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                if !event["delta"].is_string() {
                    return Ok(self.leave_out(&kind, "has no text"));
                }
                self.drafts.add_input(&event, delta(&event), halves);
            }
            "response.function_call_arguments.done" => self.drafts.set_input(&event, string(&event["arguments"])),
            "response.custom_tool_call_input.done" => self.drafts.set_input(&event, string(&event["input"])),
            "response.output_item.added" => {
                self.half = None;
                self.drafts.announce(&event);
            }
            "response.output_item.done" => return self.item(&mut event),
            "response.completed" | "response.done" => return self.completed(response(&event)),
            "response.incomplete" => return Err(self.incomplete(response(&event))),
            "response.failed" => return Err(failed(&event)),
            _ if is_error(&kind) => return Err(failed(&event)),
            _ => {
                if let Some(complaint) = Complaint::marked_in(&event) {
                    return Err(ModelError::Failed(complaint));
                }
            }
        }
        Ok(ResponseEvent::Other)
    }

    /// Reads a whole item.
    fn item(&mut self, event: &mut Value) -> Result<ResponseEvent, ModelError> {
        self.half = None;
        let mut value = event["item"].take();
        if !value.is_object() {
            return Ok(self.leave_out("response.output_item.done", "has no item"));
        }
        // The event's own fields, and the id of the item, say which draft it completes.
        event["item"] = value["id"].clone().is_string().then(|| serde_json::json!({"id": value["id"]})).into();
        self.drafts.settle(event, &mut value);
        self.note(&value);
        item(value).map(ResponseEvent::Item)
    }

    fn note(&mut self, item: &Value) {
        self.items += 1;
        let ids = [&item["id"], &item["call_id"]].into_iter().filter_map(Value::as_str);
        self.ids.extend(ids.map(str::to_owned));
        let inputs = [&item["arguments"], &item["input"]].into_iter().filter_map(Value::as_str);
        self.inputs.extend(inputs.map(str::to_owned));
        self.messages.insert(text(item));
    }

    fn completed(&mut self, response: &Value) -> Result<ResponseEvent, ModelError> {
        match response["status"].as_str() {
            Some("failed" | "cancelled") => return Err(failed(response)),
            Some("incomplete") => return Err(self.incomplete(response)),
            _ => {}
        }
        let mut output = response["output"].as_array().cloned().unwrap_or_default();
        let is_damaged = self.has_lost_pieces || self.left_out.is_some();
        if let Some(error) = self.lost_call(&output) {
            return Err(error);
        }
        if self.items == 0 && output.is_empty() {
            output.extend(self.drafts.unsettled(is_damaged));
        } else if self.items == 0 {
            let has_text = |item: &Value| item["type"] == "message" && !text(item).is_empty();
            let messages: Vec<_> = self.drafts.unsettled_messages().collect();
            if !messages.is_empty() && !output.iter().any(has_text) {
                // The text of these messages came in pieces.
                output.retain(|item| item["type"] != "message");
                output.extend(messages);
            }
            if output.iter().all(|item| item["type"] == "message") {
                output.extend(self.drafts.unsettled(is_damaged).filter(|item| item["type"] != "message"));
            }
        } else {
            if self.left_out.is_none() {
                output.clear();
            }
            // What could not be read may be here.
            let is_new = |item: &Value| {
                let id = item["id"].as_str().or_else(|| item["call_id"].as_str());
                id.is_some_and(|id| !self.ids.contains(id))
            };
            let mut late: Vec<Value> = output.drain(..).filter(is_new).collect();
            late.iter().for_each(|item| self.note(item));
            let is_known = |item: &Value| match item["type"].as_str() {
                Some("message") => self.messages.contains(&text(item)),
                _ => item["call_id"].as_str().is_some_and(|id| self.ids.contains(id)),
            };
            late.extend(self.drafts.unsettled(is_damaged).filter(|item| !is_known(item)));
            self.read.extend(late.into_iter().map(|value| item(value).map(ResponseEvent::Item)));
        }
        let response_id = response["id"].as_str().map(str::to_owned);
        let completed = ResponseEvent::Completed { response_id, usage: usage(&response["usage"]), output };
        self.read.push_back(Ok(completed));
        Ok(ResponseEvent::Other)
    }

    /// Returns an error if the answer has a call of which only the input has arrived: nothing could answer it. Its stream
    /// is as good as broken, and the next attempt may get the call.
    fn lost_call(&self, output: &[Value]) -> Option<ModelError> {
        let is_known = |id: Option<&str>, input: &str| {
            let has_it = |item: &Value| {
                let inputs = [&item["arguments"], &item["input"]];
                item["id"].as_str().is_some_and(|known| Some(known) == id)
                    || inputs.iter().any(|known| **known == input)
            };
            id.is_some_and(|id| self.ids.contains(id)) || self.inputs.contains(input) || output.iter().any(has_it)
        };
        let is_lost = self.drafts.nameless_calls().any(|(id, input)| !is_known(id, input));
        is_lost.then(|| ModelError::Broken("a call has arrived without its name".to_owned()))
    }

    /// Ends an answer that the provider has cut off. What had arrived is kept, but calls may lack arguments.
    fn incomplete(&mut self, response: &Value) -> ModelError {
        let messages: Vec<_> = self.drafts.unsettled_messages().collect();
        self.read.extend(messages.into_iter().map(|value| item(value).map(ResponseEvent::Item)));
        let reason = response["incomplete_details"]["reason"].as_str().map(str::to_owned);
        let words = || Complaint::of_value(response).map(|complaint| complaint.to_string());
        let reason = reason.or_else(words).unwrap_or_else(|| "no reason given".to_owned());
        ModelError::Incomplete { reason }
    }

    /// Notes that an event cannot be read. Only the first one is reported.
    fn leave_out(&mut self, name: &str, why: &str) -> ResponseEvent {
        if self.left_out.is_some() {
            return ResponseEvent::Other;
        }
        let name = if name.is_empty() { "an event" } else { name };
        let reason = format!("{name} {why}");
        self.left_out = Some(reason.clone());
        ResponseEvent::LeftOut(reason)
    }
}

/// Returns what kind of event this is. It is usually in the data, but with some gateways only in the event's name.
fn kind<'e>(name: &'e str, event: &'e Value) -> &'e str {
    let of_protocol = |kind: &str| kind.starts_with("response.") || kind == "error";
    match event["type"].as_str() {
        _ if is_error(name) => name,
        Some(kind) if of_protocol(kind) || !of_protocol(name) => kind,
        _ => name,
    }
}

/// Returns the response that an event is about, whose fields some servers put into the event itself.
fn response(event: &Value) -> &Value {
    if event["response"].is_object() { &event["response"] } else { event }
}

fn is_error(kind: &str) -> bool {
    matches!(kind, "error" | "response.error")
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn delta(event: &Value) -> &str {
    let delta = &event["delta"];
    delta.as_str().or_else(|| delta["text"].as_str()).unwrap_or_default()
}

fn failed(event: &Value) -> ModelError {
    ModelError::Failed(Complaint::of_value(event).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads events of a stream, each as `name data` or only data, and returns what they amount to.
    fn read(events: &[&str]) -> String {
        let mut reader = Reader::default();
        let mut read = Vec::new();
        for event in events {
            let (name, data) = event.split_once(' ').filter(|(name, _)| !name.contains('{')).unwrap_or(("", event));
            reader.read(&Frame { name: name.to_owned(), data: data.to_owned() });
            while let Some(event) = reader.next() {
                read.push(match event {
                    Ok(ResponseEvent::TextDelta(text)) => format!("+{text}"),
                    Ok(ResponseEvent::ReasoningDelta(text)) => format!("~{text}"),
                    Ok(ResponseEvent::Item(item)) => shown(&item),
                    Ok(ResponseEvent::Completed { output, .. }) => {
                        let items = output.into_iter().map(|value| shown(&super::item(value).unwrap()));
                        format!("end({})", items.collect::<Vec<_>>().join(", "))
                    }
                    Ok(ResponseEvent::LeftOut(reason)) => format!("?{reason}"),
                    Ok(ResponseEvent::Other) => continue,
                    Err(error) => format!("!{error}"),
                });
            }
        }
        read.join(" ")
    }

    fn shown(item: &crate::Item) -> String {
        match item.kind() {
            "message" => format!("[{}:{}]", item.id().unwrap_or_default(), item.message_text()),
            kind => {
                let incomplete = if item.is_incomplete() { "incomplete " } else { "" };
                format!("{incomplete}{kind}({}{})", item.text_field("arguments"), item.text_field("input"))
            }
        }
    }

    const COMPLETED: &str = r#"{"type": "response.completed", "response": {"id": "r"}}"#;

    #[test]
    fn only_transient_errors_are_retried() {
        let passes = |event: &str| {
            let mut reader = Reader::default();
            reader.read(&Frame { name: String::new(), data: event.to_owned() });
            reader.next().unwrap().unwrap_err().is_transient()
        };
        let failed = |code: &str| {
            passes(&format!(r#"{{"type": "response.failed", "response": {{"error": {{"code": "{code}"}}}}}}"#))
        };
        assert!(failed("server_error") && failed("rate_limit_exceeded") && failed("failed_to_download_image"));
        assert!(!failed("context_length_exceeded") && !failed("invalid_prompt") && !failed("insufficient_quota"));
        assert!(passes(r#"{"type": "error", "message": "busy"}"#));
        assert!(!passes(r#"{"type": "error", "code": "invalid_image_url"}"#));
        assert!(!passes(r#"{"type": "error", "error": {"code": "context_length_exceeded"}}"#));
        assert!(passes(r#"{"type": "error", "code": null, "error": {"code": "server_error"}}"#));
        // Names and statuses of other providers.
        assert!(passes(r#"{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}"#));
        assert!(!passes(r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}"#));
        assert!(!passes(r#"{"error": {"code": 401, "message": "no"}}"#));
        assert!(passes(r#"{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "busy"}}"#));
        assert!(passes(r#"{"error": {"code": "503", "message": "busy"}}"#));
        let incomplete = |reason: &str| {
            let details = format!(r#""incomplete_details": {{"reason": "{reason}"}}"#);
            passes(&format!(r#"{{"type": "response.incomplete", "response": {{{details}}}}}"#))
        };
        assert!(!incomplete("max_output_tokens") && !incomplete("content_filter") && incomplete("overload"));
    }

    #[test]
    fn errors_keep_their_words_in_every_form() {
        let failed = "!the model's provider failed: why";
        for event in [
            r#"{"error": {"message": "why"}}"#,
            r#"{"error": "why"}"#,
            r#"[{"error": {"message": "why"}}]"#,
            r#"{"detail": "why"}"#,
            r#"{"code": 500, "message": "why"}"#,
            r#"{"type": "error", "message": "why"}"#,
            r#"{"type": "response.error", "error": {"message": "why"}}"#,
            r#"{"type": "response.failed", "response": {"status": "failed", "error": {"message": "why"}}}"#,
            r#"{"type": "response.failed", "error": {"message": "why"}}"#,
            r#"{"type": "response.done", "response": {"status": "failed", "error": {"message": "why"}}}"#,
            r#"error {"message": "why"}"#,
            r#"error {"type": "server_error", "message": "why"}"#,
            r#"error "why""#,
            "error why",
            r#"response.failed {"response": {"error": {"message": "why"}}}"#,
        ] {
            assert_eq!(read(&[event]), failed, "{event}");
        }
        for event in [r#"{"type": "error"}"#, r#"error {}"#, r#"{"type": "response.failed"}"#] {
            assert_eq!(read(&[event]), "!the model's provider failed: no reason given", "{event}");
        }
    }

    #[test]
    fn keep_alives_cost_nothing_and_damage_is_named() {
        for event in [
            "ping {}",
            "ping ping",
            "ping",
            "{}",
            "null",
            "7",
            "\"\"",
            "[]",
            "[DONE]",
            "",
            r#"{"type": 7}"#,
            r#"{"error": null}"#,
        ] {
            assert_eq!(read(&[event, COMPLETED]), "end()", "{event}");
        }
        let damaged = r#"{"type": "response.output_text.delta", "del"#;
        assert_eq!(read(&[damaged, damaged, COMPLETED]), "?an event is not JSON end()");
        let no_item = r#"{"type": "response.output_item.done", "item": 7}"#;
        assert_eq!(read(&[no_item, COMPLETED]), "?response.output_item.done has no item end()");
        let in_output = r#"{"type": "response.completed", "response": {"output": [
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "a"}]},
            {"type": "message", "id": "n", "content": [{"type": "output_text", "text": "b"}]}]}}"#;
        let item = r#"{"type": "response.output_item.done", "item":
            {"type": "message", "id": "n", "content": [{"type": "output_text", "text": "b"}]}}"#;
        assert_eq!(read(&[damaged, item, in_output]), "?an event is not JSON [n:b] [m:a] end()");
        assert_eq!(read(&[item, in_output]), "[n:b] end()");
    }

    #[test]
    fn the_kind_may_be_only_in_the_name() {
        assert_eq!(
            read(&[r#"response.output_text.delta {"delta": "a"}"#, r#"response.completed {"response": {"id": "r"}}"#]),
            "+a end([:a])"
        );
    }

    #[test]
    fn half_a_surrogate_pair_waits_for_the_other_half() {
        let delta = |text: &str| format!(r#"{{"type": "response.output_text.delta", "delta": "{text}"}}"#);
        let joined = |deltas: &[&str]| {
            let events: Vec<_> = deltas.iter().map(|text| delta(text)).chain([COMPLETED.to_owned()]).collect();
            read(&events.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(joined(&[r"hi \ud83d", r"\ude00!"]), "+hi  +\u{1f600}! end([:hi \u{1f600}!])");
        assert_eq!(joined(&[r"hi \ud83d", "there"]), "+hi  +\u{fffd}there end([:hi \u{fffd}there])");
        assert_eq!(joined(&[r"\ude00"]), "+\u{fffd} end([:\u{fffd}])");
    }

    #[test]
    fn text_that_came_only_in_pieces_is_part_of_the_answer() {
        let delta = r#"{"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "a"}"#;
        let other_id = r#"{"type": "response.output_text.delta", "item_id": "x", "output_index": 0, "delta": "b"}"#;
        let second = r#"{"type": "response.output_text.delta", "output_index": 1, "delta": "c"}"#;
        let done = r#"{"type": "response.output_text.done", "text": "ab"}"#;
        let refusal = r#"{"type": "response.refusal.delta", "delta": "no"}"#;
        let empty_item = r#"{"type": "response.output_item.done", "output_index": 0, "item":
            {"type": "message", "id": "m", "role": "assistant", "content": []}}"#;
        let item = r#"{"type": "response.output_item.done", "item":
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "ab"}]}}"#;
        let empty_output = r#"{"type": "response.completed", "response": {"output": []}}"#;
        let output = r#"{"type": "response.completed", "response": {"output": [
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "ab"}]}]}}"#;
        let textless_output = r#"{"type": "response.completed", "response": {"output": [
            {"type": "message", "id": "m", "content": []}]}}"#;
        let call = r#"{"type": "response.output_item.added", "output_index": 7, "item":
            {"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}}"#;
        let incomplete =
            r#"{"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}}"#;
        for (events, expected) in [
            (vec![delta, COMPLETED], "+a end([m:a])"),
            (vec![delta, empty_output], "+a end([m:a])"),
            (vec![delta, textless_output], "+a end([m:a])"),
            (vec![delta, other_id, done, empty_output], "+a +b end([m:ab])"),
            (vec![done, empty_output], "end([:ab])"),
            (vec![delta, output], "+a end([m:ab])"),
            (vec![delta, other_id, second, COMPLETED], "+a +b +c end([m:ab], [:c])"),
            (vec![refusal, COMPLETED], "+no end([:no])"),
            (vec![delta, empty_item, COMPLETED], "+a [m:a] end()"),
            (vec![delta, item, COMPLETED], "+a [m:ab] end()"),
            (vec![delta, item, done, COMPLETED], "+a [m:ab] end()"),
            (vec![delta, item, second, output], "+a [m:ab] +c [:c] end()"),
            (vec![delta, incomplete], "+a [m:a] !the model's answer is incomplete: max_output_tokens"),
            (vec![COMPLETED], "end()"),
            (vec![call, delta, COMPLETED], "+a end(function_call({}), [m:a])"),
        ] {
            assert_eq!(read(&events), expected, "{events:#?}");
        }
    }

    #[test]
    fn calls_that_came_only_in_pieces_are_part_of_the_answer() {
        let call = r#"{"type": "response.output_item.added", "output_index": 0, "item":
            {"type": "function_call", "id": "f", "call_id": "c", "name": "n", "arguments": "", "status": "in_progress"}}"#;
        let piece = |text: &str| {
            format!(r#"{{"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{text}"}}"#)
        };
        let (one, two) = (piece("{"), piece("}"));
        let done = r#"{"type": "response.function_call_arguments.done", "item_id": "f", "arguments": "{ }"}"#;
        assert_eq!(read(&[call, &one, &two, COMPLETED]), "end(function_call({}))");
        assert_eq!(read(&[call, &one, &two, done, COMPLETED]), "end(function_call({ }))");
        let custom = r#"{"type": "response.output_item.added", "item": {"type": "custom_tool_call", "call_id": "c"}}"#;
        let input = r#"{"type": "response.custom_tool_call_input.delta", "delta": "text"}"#;
        assert_eq!(read(&[custom, input, COMPLETED]), "end(custom_tool_call(text))");
        let incomplete = r#"{"type": "response.incomplete", "response": {}}"#;
        assert_eq!(read(&[call, &one, incomplete]), "!the model's answer is incomplete: no reason given");
        // A surrogate pair may be split.
        let (first, second) = (piece(r#"\"\ud83d"#), piece(r#"\ude00\""#));
        assert_eq!(read(&[call, &first, &second, COMPLETED]), "end(function_call(\"\u{1f600}\"))");
    }

    #[test]
    fn a_call_of_which_a_piece_was_lost_is_incomplete() {
        let message = r#"{"type": "response.output_text.delta", "output_index": 1, "delta": "a"}"#;
        let call = r#"{"type": "response.output_item.added", "output_index": 0, "item":
            {"type": "function_call", "id": "f", "call_id": "c", "name": "n", "arguments": "", "status": "in_progress"}}"#;
        let custom = r#"{"type": "response.output_item.added", "output_index": 0, "item":
            {"type": "custom_tool_call", "id": "f", "call_id": "c", "name": "n", "input": ""}}"#;
        let arguments =
            r#"{"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{\"a\":1}"}"#;
        let input = r#"{"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "text"}"#;
        let done = r#"{"type": "response.function_call_arguments.done", "output_index": 0, "arguments": "{\"a\":12}"}"#;
        let whole = r#"{"type": "response.output_item.done", "output_index": 0, "item":
            {"type": "function_call", "id": "f", "call_id": "c", "name": "n", "arguments": "{\"a\":12}"}}"#;
        for (damage, left_out) in [
            (r#"{"type": "response.function_call_arguments.delta", "output_index": 0, "del"#, "?an event is not JSON "),
            (
                r#"{"type": "response.function_call_arguments.delta", "output_index": 0, "delta": null}"#,
                "?response.function_call_arguments.delta has no text ",
            ),
            (r#"uments.delta", "output_index": 0, "delta": "12"}"#, ""),
        ] {
            for (events, expected) in [
                (vec![call, arguments, damage, COMPLETED], r#"end(incomplete function_call({"a":1}))"#),
                (vec![custom, input, damage, COMPLETED], "end(incomplete custom_tool_call(text))"),
                (vec![call, arguments, damage, done, COMPLETED], r#"end(function_call({"a":12}))"#),
                (vec![call, arguments, damage, whole, COMPLETED], r#"function_call({"a":12}) end()"#),
                (
                    vec![message, call, arguments, damage, COMPLETED],
                    r#"+a end([:a], incomplete function_call({"a":1}))"#,
                ),
            ] {
                let read = read(&events);
                assert_eq!(read.replacen(left_out, "", 1), expected, "{events:#?}");
                assert!(read.contains(left_out), "{read}");
            }
        }
        // Words that keep the connection alive are no damage.
        assert_eq!(read(&[call, arguments, "ping", "", COMPLETED]), r#"end(function_call({"a":1}))"#);
    }

    #[test]
    fn a_call_without_its_name_breaks_the_answer() {
        let input = r#"{"type": "response.function_call_arguments.delta", "item_id": "f", "delta": "{}"}"#;
        let lost = "!stream disconnected before completion: a call has arrived without its name";
        assert_eq!(read(&[input, COMPLETED]), lost);
        let output = |id: &str, arguments: &str| {
            format!(
                r#"{{"type": "response.completed", "response": {{"output": [{{"type": "function_call", "id": "{id}",
                    "call_id": "c", "name": "n", "arguments": "{arguments}"}}]}}}}"#
            )
        };
        assert_eq!(read(&[input, &output("f", "{ }")]), "end(function_call({ }))");
        assert_eq!(read(&[input, &output("other", "{}")]), "end(function_call({}))");
        assert_eq!(read(&[input, &output("other", "{ }")]), lost);
    }

    #[test]
    fn the_items_of_an_answer_are_bounded() {
        let limit = "!the answer of the model's provider cannot be read: the answer";
        let items = |event: &str| {
            let events: Vec<_> = (0..=ANSWER_ITEMS).map(|at| event.replace("AT", &at.to_string())).collect();
            read(&events.iter().map(String::as_str).collect::<Vec<_>>())
        };
        for event in [
            r#"{"type": "response.output_item.added", "output_index": AT, "item": {"type": "message"}}"#,
            r#"{"type": "response.output_item.done", "output_index": AT, "item": {"type": "other"}}"#,
            r#"{"type": "response.function_call_arguments.delta", "output_index": AT, "delta": ""}"#,
        ] {
            assert!(items(event).ends_with(&format!("{limit} has more than 4096 items")), "{event}");
        }
        let long = "x".repeat(ANSWER_BYTES / 2 + 1);
        let too_long = format!("{limit} is longer than 64 MiB");
        for (kind, fields) in [
            ("response.output_text.delta", r#""delta": "LONG""#),
            ("response.custom_tool_call_input.delta", r#""delta": "LONG""#),
            ("response.output_text.done", r#""content_index": AT, "text": "LONG""#),
            ("response.output_item.done", r#""item": {"type": "other", "id": "AT", "text": "LONG"}"#),
        ] {
            let event =
                |at: &str| format!(r#"{{"type": "{kind}", {fields}}}"#).replace("AT", at).replace("LONG", &long);
            let [one, two] = ["1", "2"].map(event);
            assert!(!read(&[&one]).contains(&too_long), "{kind}");
            assert!(read(&[&one, &two]).contains(&too_long), "{kind}");
        }
    }

    /// Returns any JSON that is not too deep, with the names of the protocol.
    fn json() -> impl Strategy<Value = Value> {
        let name = || {
            prop::sample::select(vec![
                "type",
                "delta",
                "item",
                "item_id",
                "output_index",
                "content",
                "text",
                "response",
                "output",
                "error",
                "message",
                "code",
                "status",
                "id",
                "call_id",
                "arguments",
                "role",
            ])
        };
        let kind = prop::sample::select(vec![
            "response.output_text.delta",
            "response.output_text.done",
            "response.output_item.added",
            "response.output_item.done",
            "response.function_call_arguments.done",
            "response.completed",
            "response.incomplete",
            "error",
            "message",
            "function_call",
            "failed",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u8>().prop_map(Value::from),
            kind.prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 24, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_events_are_read(events in prop::collection::vec(json(), 0..12)) {
            let mut reader = Reader::default();
            for event in &events {
                reader.read(&Frame { name: String::new(), data: event.to_string() });
                Complaint::of_body(&event.to_string());
            }
            while reader.next().is_some() {}
        }
    }

    #[test]
    fn arguments_need_not_be_text() {
        let call = |arguments: &str| {
            let item = format!(r#"{{"type": "function_call", "call_id": "c", "name": "n"{arguments}}}"#);
            read(&[&format!(r#"{{"type": "response.output_item.done", "item": {item}}}"#)])
        };
        assert_eq!(call(r#", "arguments": {"cmd": "ls"}"#), r#"function_call({"cmd":"ls"})"#);
        assert_eq!(call(r#", "arguments": null"#), "function_call({})");
        assert_eq!(call(""), "function_call({})");
    }
}
