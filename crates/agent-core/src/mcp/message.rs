//! Reads messages as servers write them, which is not always as the protocol says.

use serde_json::{Map, Value};

use crate::lenient::{Mended, end_of_string};

/// One message of a server.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// The answer to a request. The id is `None` if the server does not name the request.
    Answer { id: Option<u64>, answer: Answer },
    /// A request of the server, with its id.
    Request { id: Value, method: String },
    /// A message that cannot be read, of which it is not known what it is, and what is wrong with it.
    Lost(String),
}

/// An answer, or what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Result(Value),
    /// The server refused the request: its message and its code.
    Refused(String),
    /// The answer cannot be read.
    Unreadable(String),
}

/// Reads a line. Returns no message if the line has none: some servers write other text to their output, even in front of
/// a message.
pub(crate) fn messages(line: &[u8]) -> Vec<Message> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_start_matches('\u{FEFF}').trim();
    if !text.starts_with(['{', '[']) {
        return answers_within(text);
    }
    let strict = match serde_json::from_str(text) {
        Ok(value) => return of_value(value),
        Err(error) => error,
    };
    let mended = Mended::of(text);
    let mut values = serde_json::Deserializer::from_str(&mended.text).into_iter::<Value>();
    let mut messages = Vec::new();
    let error = loop {
        match values.next() {
            Some(Ok(value)) => messages.extend(of_value(value)),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    if messages.is_empty() && error.is_some() {
        messages = if text.starts_with('[') { answers_within(text) } else { Vec::new() };
    }
    if messages.is_empty() && error.is_some() {
        messages.extend(unreadable(text, format!("it is not valid JSON: {strict}")));
    }
    messages
}

/// The most places at which a line is searched for the beginning of a message.
const MAX_PLACES: usize = 16;

/// Reads the answers in a line with other text. Requests in it are not meant for this program: a server may log what it
/// has received.
fn answers_within(text: &str) -> Vec<Message> {
    let (mut found, mut broken) = (Vec::new(), None);
    let mut rest = text.to_owned();
    for _ in 0..MAX_PLACES {
        let Some(at) = rest.find('{').filter(|at| rest[*at..].contains("\"jsonrpc\"")) else { break };
        rest.drain(..at);
        let mended = Mended::of(&rest).text;
        let mut values = serde_json::Deserializer::from_str(&mended).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                let is_answer = |message: &Message| matches!(message, Message::Answer { .. });
                found.extend(of_one(value).filter(is_answer));
                rest = mended[values.byte_offset()..].to_owned();
            }
            _ => {
                broken.get_or_insert_with(|| rest.clone());
                rest.remove(0);
            }
        }
    }
    let problem = "it is not valid JSON, and shares its line with other text".to_owned();
    let unread = broken.and_then(|broken: String| unreadable(&broken, problem));
    let is_known = |unread: &Message| {
        let id_of = |message: &Message| if let Message::Answer { id, .. } = message { *id } else { None };
        !found.is_empty() && id_of(unread).is_none_or(|id| found.iter().any(|other| id_of(other) == Some(id)))
    };
    let unread = unread.filter(|unread| !is_known(unread));
    found.extend(unread);
    found
}

/// Reads the beginning and the end of a line that is too long.
pub(crate) fn too_long(head: &[u8], tail: &[u8], length: usize, limit: usize) -> Option<Message> {
    let (head, tail) = (String::from_utf8_lossy(head), String::from_utf8_lossy(tail));
    let problem = format!("it has {length} bytes, but at most {limit} are read");
    let mut found = Fields::default();
    found.scan(&head);
    // The last fields may follow the long one.
    let ends = tail.match_indices("\"id\"").chain(tail.match_indices("\"jsonrpc\"")).map(|(at, _)| &tail[at..]);
    let last = ends.filter_map(|end| serde_json::from_str::<Map<String, Value>>(&format!("{{{end}")).ok()).next();
    if let Some(id) = last.as_ref().and_then(|last| last.get("id")) {
        found.id = number(id);
    }
    found.has_version |= last.is_some_and(|last| last.contains_key("jsonrpc"));
    found.unreadable(problem)
}

fn of_value(value: Value) -> Vec<Message> {
    match value {
        Value::Array(batch) => batch.into_iter().filter_map(of_one).collect(),
        value => of_one(value).into_iter().collect(),
    }
}

fn of_one(value: Value) -> Option<Message> {
    let Value::Object(mut fields) = value else { return None };
    let id = fields.remove("id").filter(|id| !id.is_null());
    let known = id.as_ref().and_then(number);
    let has_version = fields.contains_key("jsonrpc");
    // A message without a version or an id may be anything, such as a line of a log in JSON.
    let is_answer = known.is_some() || (id.is_none() && has_version);
    match (fields.remove("error").filter(|error| !error.is_null()), fields.remove("result")) {
        (Some(error), _) if is_answer => Some(Message::Answer { id: known, answer: Answer::Refused(refusal(&error)) }),
        (None, Some(result)) if is_answer => Some(Message::Answer { id: known, answer: Answer::Result(result) }),
        (None, None) => match (fields.remove("method"), id) {
            (Some(Value::String(method)), Some(id)) => Some(Message::Request { id, method }),
            (None, _) if known.is_some() && has_version => {
                let problem = "it has neither a result nor an error".to_owned();
                Some(Message::Answer { id: known, answer: Answer::Unreadable(problem) })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Returns the number that an id is, also if the server writes it as a text or with a fraction of zero.
fn number(id: &Value) -> Option<u64> {
    match id {
        Value::Number(id) => id.as_u64().or_else(|| {
            let float = id.as_f64().filter(|float| float.fract() == 0.0 && (0.0..1e15).contains(float));
            float.and_then(|float| format!("{float:.0}").parse().ok())
        }),
        Value::String(id) => id.trim().parse().ok(),
        _ => None,
    }
}

/// Describes an error in the words of the server.
fn refusal(error: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let message = error.get("message").map(text).unwrap_or_else(|| text(error));
    match error.get("code") {
        Some(code) if !code.is_null() => format!("{message} (code {})", text(code)),
        _ => message,
    }
}

fn unreadable(text: &str, problem: String) -> Option<Message> {
    let mut found = Fields::default();
    found.scan(text);
    found.unreadable(problem)
}

/// The fields of a message that cannot be parsed.
#[derive(Debug, Default)]
struct Fields {
    id: Option<u64>,
    has_version: bool,
    has_outcome: bool,
    has_method: bool,
}

impl Fields {
    /// Looks for the fields of the outermost object, as far as the text looks like JSON.
    fn scan(&mut self, text: &str) {
        let mut depth = 0_usize;
        let mut rest = text;
        while let Some(at) = rest.find(['"', '{', '[', '}', ']']) {
            let after = &rest[at + 1..];
            rest = match rest.as_bytes()[at] {
                b'{' | b'[' => {
                    depth += 1;
                    after
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    after
                }
                _ => {
                    let end = end_of_string(after);
                    let (name, after) = (&after[..end], after.get(end + 1..).unwrap_or_default());
                    if let Some(value) = after.trim_start().strip_prefix(':').filter(|_| depth == 1) {
                        self.note(name, value.trim_start());
                    }
                    after
                }
            };
        }
    }

    fn note(&mut self, name: &str, value: &str) {
        match name {
            "id" => {
                let end = value.find([',', '}']).unwrap_or(value.len());
                self.id = serde_json::from_str(value[..end].trim()).ok().as_ref().and_then(number);
            }
            "jsonrpc" => self.has_version = true,
            "result" | "error" => self.has_outcome = true,
            "method" => self.has_method = true,
            _ => {}
        }
    }

    fn unreadable(self, problem: String) -> Option<Message> {
        let is_answer = !self.has_method && (self.has_outcome || self.id.is_some() && self.has_version);
        let named = self.id.is_some() || self.has_version;
        if is_answer && named {
            return Some(Message::Answer { id: self.id, answer: Answer::Unreadable(problem) });
        }
        // Without more of it, it may be anything.
        (self.has_version && !self.has_method).then(|| Message::Lost(format!("a message cannot be read: {problem}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn answer(id: Option<u64>, answer: Answer) -> Vec<Message> {
        vec![Message::Answer { id, answer }]
    }

    fn result(id: u64, result: Value) -> Vec<Message> {
        answer(Some(id), Answer::Result(result))
    }

    #[test]
    fn answers_as_servers_write_them() {
        assert_eq!(messages(br#"{"jsonrpc":"2.0","id":3,"result":1}"#), result(3, json!(1)));
        assert_eq!(messages("\u{FEFF} {\"id\":\"3\",\"result\":1}\r".as_bytes()), result(3, json!(1)));
        assert_eq!(messages(br#"{"id":3.0,"result":null,"error":null}"#), result(3, Value::Null));
        assert_eq!(
            messages(br#"[{"id":1,"result":1},{"id":2,"result":2}]"#),
            [result(1, json!(1)), result(2, json!(2))].into_iter().flatten().collect::<Vec<_>>()
        );
        let refused = |text: &str| answer(Some(3), Answer::Refused(text.to_owned()));
        assert_eq!(messages(br#"{"id":3,"error":{"code":-1,"message":"no"}}"#), refused("no (code -1)"));
        assert_eq!(messages(br#"{"id":3,"error":{"code":"E42","message":"no"}}"#), refused("no (code E42)"));
        assert_eq!(messages(br#"{"id":3,"error":"no"}"#), refused("no"));
        assert_eq!(messages(br#"{"id":3,"error":{"data":1}}"#), refused(r#"{"data":1}"#));
        assert_eq!(
            messages(br#"{"jsonrpc":"2.0","id":null,"error":{"message":"no"}}"#),
            answer(None, Answer::Refused("no".to_owned()))
        );
        let request = Message::Request { id: json!("a"), method: "ping".to_owned() };
        assert_eq!(messages(br#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#), [request]);
    }

    #[test]
    fn lines_without_an_answer() {
        for line in [
            "",
            "starting…",
            "{",
            "[]",
            "17",
            r#"{"level":"info","id":3,"msg":"called"}"#,
            r#"{"level":"info","id":3,"msg":"called"#,
            r#"{"result":"loaded"}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"x":"#,
            r#"received {"jsonrpc":"2.0","id":3,"method":"tools/call"}"#,
            r#"received {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"x":"#,
            r#"sent {"id":3,"result":1}"#,
            "a {brace}, and \"jsonrpc\"",
        ] {
            assert_eq!(messages(line.as_bytes()), [], "{line}");
        }
    }

    #[test]
    fn an_answer_may_follow_other_text() {
        for line in [
            "> {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":1}",
            "\u{1b}[2K\u{1b}[1G{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":1}",
            "[INFO] {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":1} sent",
            "it's \"{here}\": {\"result\":1,\"id\":3,\"jsonrpc\":\"2.0\"}",
            "received {\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"x\"}, sent {\"jsonrpc\":\"2.0\",\"id\":3,\"result\":1}",
        ] {
            assert_eq!(messages(line.as_bytes()), result(3, json!(1)), "{line}");
        }
        let line = r#"> {"jsonrpc":"2.0","id":3,"result":"half \ud83d"}"#;
        assert_eq!(messages(line.as_bytes()), result(3, json!("half \u{fffd}")));
        // What cannot be read is named.
        let problem = "it is not valid JSON, and shares its line with other text".to_owned();
        let line = r#"> {"jsonrpc":"2.0","id":3,"result":{"text":"cut"#;
        assert_eq!(messages(line.as_bytes()), answer(Some(3), Answer::Unreadable(problem)));
        // In a batch that is cut off, each answer counts.
        let batch = messages(br#"[{"jsonrpc":"2.0","id":2,"result":1},{"jsonrpc":"2.0","id":3,"result":{"te"#);
        let [Message::Answer { id: Some(2), answer: Answer::Result(_) }, Message::Answer { id: Some(3), .. }] =
            &batch[..]
        else {
            panic!("{batch:?}")
        };
        let lost = |line: &str| matches!(&messages(line.as_bytes())[..], [Message::Lost(_)]);
        assert!(lost(r#"{"jsonrpc":"2.0","#) && lost(r#"> {"jsonrpc":"2.0","i"#));
    }

    #[test]
    fn mistakes_cost_only_themselves() {
        let text = |line: &[u8]| match &messages(line)[..] {
            [Message::Answer { id: Some(3), answer: Answer::Result(value) }] => value.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(br#"{"id":3,"result":"cut \ud83d here"}"#), "\"cut \u{FFFD} here\"");
        assert_eq!(
            text(br#"{"id":3,"result":"cut \ude00 \ud83d\ude00 \ud83d\u0041"}"#),
            "\"cut \u{FFFD} 😀 \u{FFFD}A\""
        );
        assert_eq!(text(b"{\"id\":3,\"result\":\"gr\xfcn\"}"), "\"gr\u{FFFD}n\"");
        assert_eq!(text(br#"{"id":3,"result":"C:\dir \x41 \u12"}"#), r#""C:\\dir \\x41 \\u12""#);
        assert_eq!(text(b"{\"id\":3,\"result\":\"a\tb\x1b[0m\"}"), r#""a\tb\u001b[0m""#);
        assert_eq!(text(br#"{"id":3,"result":[NaN,-Infinity,Infinity,"NaN",1]}"#), r#"[null,null,null,"NaN",1]"#);
        assert_eq!(messages(br#"{"id":3,"result":1}{"id":4,"result":2}"#).len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_request() {
        for line in [
            r#"{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"cut"#,
            r#"{"result":{"a":tru},"id":"3","jsonrpc":"2.0"}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":1e999}"#,
            r#"{"jsonrpc":"2.0","id":3}"#,
            &format!(r#"{{"jsonrpc":"2.0","id":3,"result":{}1{}}}"#, "[".repeat(500), "]".repeat(500)),
        ] {
            let messages = messages(line.as_bytes());
            let is_named = matches!(&messages[..], [Message::Answer { id: Some(3), answer: Answer::Unreadable(_) }]);
            assert!(is_named, "{line}: {messages:?}");
        }
        let unnamed = messages(br#"{"jsonrpc":"2.0","result":{"content":[{"type":"te"#);
        assert!(matches!(&unnamed[..], [Message::Answer { id: None, .. }]), "{unnamed:?}");

        let long = |head: &str, tail: &str| too_long(head.as_bytes(), tail.as_bytes(), 99, 10);
        let problem = Answer::Unreadable("it has 99 bytes, but at most 10 are read".to_owned());
        let expected = Some(Message::Answer { id: Some(3), answer: problem });
        assert_eq!(long(r#"{"jsonrpc":"2.0","id":3,"result":{"text":"aaa"#, r#"aa"}}"#), expected);
        assert_eq!(long(r#"{"result":{"id":7,"text":"aaa"#, r#"a","id":7},"id":3,"jsonrpc":"2.0"}"#), expected);
        assert_eq!(long(r#"{"result":{"text":"aaa"#, r#"aa"},"jsonrpc":"2.0","id":3}"#), expected);
        assert_eq!(long("a log that never ends", "…"), None);
    }

    proptest! {
        #[test]
        fn valid_json_is_read_as_it_is(text: String, number: i64, id in 0..1000_u64) {
            let value = json!({"text": text, "list": [number, {text.clone(): null}]});
            let line = json!({"jsonrpc": "2.0", "id": id, "result": value}).to_string();
            prop_assert_eq!(messages(line.as_bytes()), result(id, value));
        }

        #[test]
        fn no_line_causes_a_panic(line in prop::collection::vec(any::<u8>(), 0..60), text in "\\{[\"\\\\u{}\\[\\]:,idresult0-9 ]{0,60}") {
            let _ = (messages(&line), messages(text.as_bytes()), too_long(&line, text.as_bytes(), 1, 1));
            let _ = too_long(text.as_bytes(), &line, 1, 1);
        }
    }
}
