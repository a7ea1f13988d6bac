//! What a request repeats from the previous one is compared and not parsed. The graph is the same as if each request
//! were read from its start.

mod support;

use std::path::Path;

use proptest::{
    collection::vec,
    prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest},
    sample::Index,
};
use rollout_trace_bundle::{Bundle, PayloadBuffer, PayloadError, PayloadSource};
use rollout_trace_model::RolloutTrace;
use rollout_trace_reducer::Reducer;
use rollout_trace_schema::PayloadRef;
use serde_json::{Value, json};

const ROOM: &str = "there is room for temporary files";

/// Loads each document as if it were the first, so that nothing is known about what it repeats.
struct Forgetful<S>(S);

impl<S: PayloadSource> PayloadSource for Forgetful<S> {
    fn load(&mut self, reference: &PayloadRef, buffer: &mut PayloadBuffer) -> Result<(), PayloadError> {
        let mut fresh = PayloadBuffer::default();
        self.0.load(reference, &mut fresh)?;
        *buffer = fresh;
        Ok(())
    }
}

/// What happens next in a thread.
#[derive(Clone, Debug)]
enum Step {
    /// The model answers with these items, which the next request repeats or forgets.
    Answer {
        items: Vec<Item>,
        repeated: bool,
        at_once: bool,
    },
    Append(Vec<Item>),
    Replace(Index, Item),
    Drop(Index),
    Swap(Index, Index),
    Duplicate(Index),
    Clear,
    /// The history is compacted to its last few items and a summary.
    Compact {
        kept: usize,
        asked_full: bool,
    },
    /// The next request carries only these items.
    Delta(Vec<Item>),
    /// A tool with one of the few call ids starts, and perhaps ends.
    Tool {
        call: u8,
        ends: bool,
    },
    /// From now on the requests are written in another style.
    Write(Style),
}

/// How a request is written.
#[derive(Clone, Debug, Default)]
struct Style {
    spacing: u8,
    before: u8,
    behind: u8,
}

/// A model item: its kind, its text and perhaps its id, each from few values, so that some are equal.
#[derive(Clone, Debug)]
struct Item {
    kind: u8,
    text: u8,
    id: Option<u8>,
}

impl Item {
    fn json(&self) -> Value {
        let text = ["", "hello", "é 👩‍👩‍👧‍👦 \" \\ ]},{[", "{\"a\":1}", "b"][usize::from(self.text)];
        let call = format!("c{}", self.text);
        let mut item = match self.kind {
            0 => json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}),
            1 => json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}),
            2 => json!({"type": "message", "role": "user", "content": text}),
            3 => json!({"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": text}]}),
            4 => json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}),
            5 => {
                json!({"type": "reasoning", "encrypted_content": "E", "summary": [{"type": "summary_text", "text": text}]})
            }
            6 => {
                json!({"type": "reasoning", "encrypted_content": "E", "content": [{"type": "reasoning_text", "text": text}]})
            }
            7 => json!({"type": "function_call", "call_id": call, "name": "f", "arguments": text}),
            8 => json!({"type": "function_call_output", "call_id": call, "output": text}),
            9 => json!({"type": "custom_tool_call", "call_id": call, "name": "exec", "input": text}),
            10 => json!({"type": "agent_message", "author": "/root", "recipient": "/root/a",
                "content": [{"type": "input_text", "text": text}]}),
            11 => json!({"type": "additional_tools", "text": text}),
            12 => json!({"type": "of_tomorrow", "value": [text, {"n": 1.5}]}),
            13 => json!(self.text),
            _ => json!({"type": "compaction", "encrypted_content": text}),
        };
        if let (Some(id), Value::Object(fields)) = (self.id, &mut item) {
            fields.insert("id".to_owned(), json!(format!("m{id}")));
        }
        item
    }
}

/// Writes a request with this input.
fn write(style: &Style, number: usize, previous: Option<&str>, items: &[Value]) -> String {
    let (open, comma, colon) =
        [("", ",", ":"), (" ", ", ", ": "), ("\n\t", "\r\n ,\n\n", " : ")][usize::from(style.spacing)];
    let written = |item: &Value| match style.spacing {
        1 => format!("{item:#}"),
        _ => item.to_string(),
    };
    let items: Vec<_> = items.iter().map(written).collect();
    let input = format!("\"input\"{colon}[{open}{}{open}]", items.join(comma));
    let before =
        ["", "\"model\":\"gpt\"", "\"tools\":[{\"input\":[]}]", "\"input\":[1]", "\"previous_response_id\":null"];
    let behind = [
        String::new(),
        "\"tail\":1".to_owned(),
        format!("\"turn\":{number}"),
        "\"previous_response_id\":null".to_owned(),
        format!("\"tools\":[{{\"input\":[]}}],\"turn\":{number},\"user\":\"é\""),
        format!("\"count\":{},\"user\":\"é\",\"turn\":{number}", 10_usize.pow(number as u32 % 3)),
        format!("\"tail\":1,\"{}\":[]", ["user", "input"][number % 2]),
    ];
    let previous = previous.map(|id| format!("\"previous_response_id\"{colon}\"{id}\"")).unwrap_or_default();
    let before = before[usize::from(style.before)].to_owned();
    let behind = behind[usize::from(style.behind)].clone();
    let fields: Vec<_> = [before, input, previous, behind].into_iter().filter(|field| !field.is_empty()).collect();
    format!("{open}{{{open}{}{open}}}{open}", fields.join(comma))
}

/// A thread's events and payloads under construction.
struct Session {
    schema: u32,
    lines: Vec<String>,
    payloads: Vec<String>,
    history: Vec<Value>,
    style: Style,
    calls: usize,
    last_response: Option<String>,
    tools: usize,
}

impl Session {
    fn new(schema: u32) -> Self {
        let mut session = Self {
            schema,
            lines: Vec::new(),
            payloads: Vec::new(),
            history: Vec::new(),
            style: Style::default(),
            calls: 0,
            last_response: None,
            tools: 0,
        };
        session.event(json!({"type": "rollout_started", "trace_id": "tr", "root_thread_id": "T"}));
        session.event(json!({"type": "thread_started", "thread_id": "T", "agent_path": "/root"}));
        session.event(json!({"type": "codex_turn_started", "codex_turn_id": "U", "thread_id": "T"}));
        session
    }

    fn event(&mut self, payload: Value) {
        let seq = self.lines.len() + 1;
        let event = json!({"schema_version": self.schema, "seq": seq, "wall_time_unix_ms": 1000 + seq, "rollout_id": "R",
            "thread_id": "T", "codex_turn_id": "U", "payload": payload});
        self.lines.push(event.to_string());
    }

    fn payload(&mut self, kind: &str, document: String) -> Value {
        self.payloads.push(document);
        let number = self.payloads.len();
        json!({"raw_payload_id": format!("raw_payload:{number}"), "kind": {"type": kind},
            "path": format!("payloads/{number}.json")})
    }

    /// Sends the whole history, or only these items after the last response.
    fn ask(&mut self, delta: Option<&[Value]>) {
        self.calls += 1;
        let previous = delta.and(self.last_response.clone());
        let document = match (delta, &previous) {
            (Some(items), Some(previous)) => write(&self.style, self.calls, Some(previous), items),
            _ => write(&self.style, self.calls, None, &self.history),
        };
        let payload = self.payload("inference_request", document);
        let mut event = json!({"type": "inference_started", "inference_call_id": format!("i{}", self.calls),
            "thread_id": "T", "codex_turn_id": "U", "model": "m", "provider_name": "p", "request_payload": payload});
        if let (1, Some(previous)) = (self.schema, previous) {
            event["request_input_mode"] = json!({"type": "incremental", "previous_response_id": previous});
        }
        self.event(event);
    }

    fn answer(&mut self, call: usize, items: &[Value]) {
        let response = format!("r{call}");
        let document = json!({"response_id": response, "output_items": items}).to_string();
        let payload = self.payload("inference_response", document);
        self.event(json!({"type": "inference_completed", "inference_call_id": format!("i{call}"),
            "response_id": response, "response_payload": payload}));
        self.last_response = Some(response);
    }

    fn step(&mut self, step: &Step) {
        let all = |items: &[Item]| -> Vec<Value> { items.iter().map(Item::json).collect() };
        let length = self.history.len();
        let mut pending = None;
        match step {
            Step::Answer { items, repeated, at_once } => {
                let items = all(items);
                self.history.extend(repeated.then_some(items.clone()).into_iter().flatten());
                match self.calls {
                    0 => {}
                    call if *at_once => self.answer(call, &items),
                    // The response is logged after the next request.
                    call => pending = Some((call, items)),
                }
            }
            Step::Append(items) => self.history.extend(all(items)),
            Step::Replace(at, item) if length > 0 => self.history[at.index(length)] = item.json(),
            Step::Drop(at) if length > 0 => _ = self.history.remove(at.index(length)),
            Step::Swap(left, right) if length > 0 => self.history.swap(left.index(length), right.index(length)),
            Step::Duplicate(at) if length > 0 => {
                let at = at.index(length);
                self.history.insert(at, self.history[at].clone());
            }
            Step::Replace(..) | Step::Drop(_) | Step::Swap(..) | Step::Duplicate(_) => {}
            Step::Clear => self.history.clear(),
            Step::Compact { kept, asked_full } => {
                let mut replacement = self.history[length - (*kept).min(length)..].to_vec();
                replacement.push(json!({"type": "compaction", "encrypted_content": "SUMMARY"}));
                let document = json!({"input_history": self.history, "replacement_history": replacement}).to_string();
                let payload = self.payload("compaction_checkpoint", document);
                let compaction = format!("k{}", self.payloads.len());
                self.event(json!({"type": "compaction_installed", "compaction_id": compaction,
                    "checkpoint_payload": payload}));
                if !asked_full {
                    self.history = replacement;
                }
            }
            Step::Delta(items) => {
                let items = all(items);
                self.history.extend(items.clone());
                self.ask(Some(&items));
                return;
            }
            Step::Tool { call, ends } => {
                self.tools += 1;
                let tool = format!("t{}", self.tools);
                self.event(json!({"type": "tool_call_started", "tool_call_id": tool,
                    "model_visible_call_id": format!("c{call}"), "requester": {"type": "model"},
                    "kind": {"type": "other", "name": "n"}, "summary": {"type": "generic", "label": "l"}}));
                if *ends {
                    self.event(json!({"type": "tool_call_ended", "tool_call_id": tool, "status": "completed"}));
                }
            }
            Step::Write(style) => self.style = style.clone(),
        }
        self.ask(None);
        if let Some((call, items)) = pending {
            self.answer(call, &items);
        }
    }

    fn write(&self, folder: &Path) {
        std::fs::create_dir_all(folder.join("payloads")).expect(ROOM);
        let manifest = json!({"schema_version": self.schema, "trace_id": "tr", "rollout_id": "R", "root_thread_id": "T",
            "started_at_unix_ms": 1000, "raw_event_log": "trace.jsonl", "payloads_dir": "payloads"});
        std::fs::write(folder.join("manifest.json"), manifest.to_string()).expect(ROOM);
        std::fs::write(folder.join("trace.jsonl"), self.lines.join("\n") + "\n").expect(ROOM);
        for (number, payload) in (1..).zip(&self.payloads) {
            std::fs::write(folder.join(format!("payloads/{number}.json")), payload).expect(ROOM);
        }
    }
}

fn items(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Item>> {
    vec(item(), count)
}

fn item() -> impl Strategy<Value = Item> {
    (prop_oneof![0..15_u8, Just(7)], 0..5_u8, proptest::option::of(0..4_u8)).prop_map(|(kind, text, id)| Item {
        kind,
        text,
        id,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (items(0..3), any::<bool>(), any::<bool>())
            .prop_map(|(items, repeated, at_once)| Step::Answer { items, repeated, at_once }),
        4 => items(1..4).prop_map(Step::Append),
        1 => (any::<Index>(), item()).prop_map(|(at, item)| Step::Replace(at, item)),
        1 => any::<Index>().prop_map(Step::Drop),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(left, right)| Step::Swap(left, right)),
        1 => any::<Index>().prop_map(Step::Duplicate),
        1 => Just(Step::Clear),
        1 => (0..3_usize, any::<bool>()).prop_map(|(kept, asked_full)| Step::Compact { kept, asked_full }),
        1 => items(0..3).prop_map(Step::Delta),
        2 => (0..5_u8, any::<bool>()).prop_map(|(call, ends)| Step::Tool { call, ends }),
        2 => (0..3_u8, 0..5_u8, 0..7_u8)
            .prop_map(|(spacing, before, behind)| Step::Write(Style { spacing, before, behind })),
    ]
}

fn read_whole(folder: &Path) -> RolloutTrace {
    let bundle = Bundle::open(folder).expect("the bundle opens");
    let mut payloads = Forgetful(bundle.payloads());
    let mut reducer = Reducer::new(bundle.header(), *bundle.limits());
    for evidence in bundle.events() {
        reducer.apply(&evidence, &mut payloads);
    }
    reducer.finish()
}

fn text(graph: &RolloutTrace) -> String {
    serde_json::to_string_pretty(graph).expect("a graph serializes")
}

fn check(schema: u32, steps: &[Step]) {
    let mut session = Session::new(schema);
    session.ask(None);
    for step in steps {
        session.step(step);
    }
    let folder = tempfile::tempdir().expect(ROOM);
    session.write(folder.path());
    // Links, the same bytes piece by piece, and reading back.
    let graph = support::reduce(folder.path());
    similar(&text(&graph), &text(&read_whole(folder.path())));
    similar(&text(&graph), &text(&support::reduce(folder.path())));
    for item in graph.conversation_items.values() {
        assert!(item.first_seen_seq <= item.last_seen_seq, "{item:?}");
    }
    assert!(!support::complaints(&graph).contains(&"payload_unreadable"), "the requests are JSON");
}

/// The scenarios have bundles in which other events affect how requests are read.
#[test]
fn scenarios_compared_or_read_whole() {
    for (name, script) in support::scenarios() {
        let folder = support::scenario(&script);
        let bundle = Bundle::open(folder.path()).unwrap();
        if bundle.problems().is_empty() {
            println!("{name}");
            similar(&text(&support::reduce_bundle(&bundle)), &text(&read_whole(folder.path())));
        }
    }
}

/// Requires two texts to be equal, and shows where they differ.
fn similar(left: &str, right: &str) {
    let differs = left.lines().zip(right.lines()).position(|(left, right)| left != right);
    if let Some(at) = differs.or((left != right).then_some(0)) {
        let around = |text: &str| text.lines().skip(at.saturating_sub(12)).take(20).collect::<Vec<_>>().join("\n");
        panic!("compared:\n{}\n\nread whole:\n{}", around(left), around(right));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compared_or_read_whole_in_schema_1(steps in vec(step(), 0..14)) {
        check(1, &steps);
    }

    #[test]
    fn compared_or_read_whole_in_schema_2(steps in vec(step(), 0..14)) {
        check(2, &steps);
    }
}
