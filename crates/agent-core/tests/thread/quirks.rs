//! What providers and the gateways before them really send, tried at each place where an agent asks a model, with and
//! without a trace, which must make no difference.

use std::{path::PathBuf, time::Duration};

use futures_util::{StreamExt, stream};
use rollout_trace_agent_core::{
    AgentConfig, AgentThread, CompactionBy, Event, EventMessage, Item, Op, Provider, TraceOptions, TraceTarget,
};
use rollout_trace_recorder::MemorySink;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    compressed::{brotli, gzip, zlib, zstd},
    plain::plain,
    raw_server::{Answer, Framing, RawServer, Request},
    support::HANG,
};

/// How many rollouts are played at one time.
const AT_A_TIME: usize = 8;

/// Where in a rollout the provider misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Child,
    /// A compaction by a request to the model.
    Summary,
    /// A compaction by the provider's own endpoint.
    Compaction,
}

const ASKED: [Place; 3] = [Place::Root, Place::Child, Place::Summary];

/// What an answer amounts to.
#[derive(Clone, Debug)]
enum Outcome {
    /// It is taken, and this is its text.
    Taken(&'static str),
    /// The request is repeated, and a message says why.
    Retried(String),
    /// The turn fails, and a message says why.
    Failed(String),
}

/// What a rollout did, without ids and times.
#[derive(Debug, PartialEq)]
struct Behavior {
    events: Vec<(String, Value)>,
    requests: Vec<(String, Value)>,
}

/// One answer at one place, and what it should amount to.
#[derive(Clone, Debug)]
struct Quirk {
    place: Place,
    answer: Answer,
    outcome: Outcome,
}

impl Quirk {
    /// Plays the quirk with and without a trace, and returns what is wrong, if anything is.
    async fn problem(self) -> Option<String> {
        let sink = MemorySink::new();
        let traced = TraceTarget::Root(PathBuf::new(), TraceOptions::new().memory_sink(&sink));
        let (events, recorded) = self.played(traced).await;
        let (_, unrecorded) = self.played(TraceTarget::Off).await;
        let log = sink.event_log();
        let count = |event: &str| log.matches(&format!("\"type\":\"{event}\"")).count();
        let problem = if recorded != unrecorded {
            format!("{unrecorded:#?}\nwithout a trace")
        } else if count("codex_turn_started") != count("codex_turn_ended") || count("recording_completed") != 1 {
            "the trace has no end".to_owned()
        } else {
            self.wrong(&events, &recorded)?
        };
        let body = String::from_utf8_lossy(&self.answer.body).into_owned();
        Some(format!("{:?}: {problem}\n{recorded:#?}\n{}\n{body:.2000}", self.place, self.answer.head))
    }

    async fn played(&self, trace: TraceTarget) -> (Vec<Event>, Behavior) {
        let Self { place, answer, .. } = self.clone();
        let server = RawServer::start(move |request, earlier| reply(place, &answer, request, earlier)).await;
        let folder = tempfile::tempdir().unwrap();
        let provider = Provider { name: "raw".to_owned(), base_url: server.url.clone(), api_key: None };
        let mut config = AgentConfig::new(provider, "m", folder.path());
        config.trace = trace;
        config.retries.retries = 1;
        config.retries.first_delay = Duration::from_millis(1);
        config.retries.max_delay = Duration::from_millis(2);
        config.history_items = vec![Item::user_text("Hi.")];
        if place == Place::Compaction {
            config.compaction.by = CompactionBy::Provider;
        }
        let thread = AgentThread::start(config).await.unwrap();
        let is_compaction = matches!(place, Place::Summary | Place::Compaction);
        // What a compaction amounts to is in the next request.
        let turns = if is_compaction { vec![Op::Compact, Op::say("Go on.")] } else { vec![Op::say("Go.")] };
        let mut events: Vec<Event> = Vec::new();
        for turn in turns {
            thread.submit(turn).unwrap();
            loop {
                let event = timeout(HANG, thread.next_event()).await;
                events.push(event.unwrap_or_else(|_| panic!("{self:?} hangs after {events:#?}")).unwrap());
                if events.last().is_some_and(|event| event.agent_path == "/root" && is_end(&event.message)) {
                    break;
                }
            }
        }
        timeout(HANG, thread.shutdown_and_wait()).await.unwrap_or_else(|_| panic!("{self:?} does not end"));
        while let Some(event) = thread.next_event().await {
            events.push(event);
        }
        let plain =
            |value: Value| plain(value, &[&server.url, &folder.path().canonicalize().unwrap().to_string_lossy()]);
        let mut behavior = Behavior {
            events: events.iter().map(|event| (event.agent_path.clone(), plain(json!(event)))).collect(),
            requests: server.requests().into_iter().map(|request| (request.agent, plain(request.body))).collect(),
        };
        // Each agent's events have an order, but those of two agents have none.
        behavior.events.sort_by(|(one, _), (other, _)| one.cmp(other));
        behavior.requests.sort_by(|(one, _), (other, _)| one.cmp(other));
        (events, behavior)
    }

    /// Returns how the behavior differs from the outcome, or `None` if it does not.
    fn wrong(&self, events: &[Event], behavior: &Behavior) -> Option<String> {
        let path = if self.place == Place::Child { "/root/a" } else { "/root" };
        let own: Vec<_> = events.iter().filter(|event| event.agent_path == path).map(|event| &event.message).collect();
        let retried = own.iter().find_map(|message| match message {
            EventMessage::Retrying { error, .. } => Some(error),
            _ => None,
        });
        let failed = own.iter().find_map(|message| match message {
            EventMessage::Error { message } => Some(message),
            _ => None,
        });
        let end = own.iter().find(|message| is_end(message));
        let is_complete = matches!(end, Some(EventMessage::TurnComplete { .. }));
        let is_compaction = matches!(self.place, Place::Summary | Place::Compaction);
        let is_compacted = own.iter().any(|message| matches!(message, EventMessage::Compacted { .. }));
        if is_compaction && is_complete != is_compacted {
            return Some("the events do not say that the history was compacted".to_owned());
        }
        // The history is the compacted one, or still the old one.
        let last = behavior.requests.iter().rfind(|(agent, _)| agent == "/root");
        let history = last.map(|(_, request)| request["input"].to_string()).unwrap_or_default();
        let compacted = match (&self.outcome, self.place) {
            (Outcome::Failed(_), _) => "Hi.",
            (Outcome::Taken(text), _) => text,
            (Outcome::Retried(_), Place::Compaction) => "sealed",
            (Outcome::Retried(_), _) => "Done.",
        };
        if is_compaction && !history.contains(compacted) {
            return Some(format!("the next request does not have {compacted:?}"));
        }
        match &self.outcome {
            Outcome::Taken(text) => {
                let told = own.iter().filter_map(|message| match message {
                    EventMessage::AgentMessage { text } => Some(text.as_str()),
                    _ => None,
                });
                // The turn after a compaction says something of its own.
                let is_right = is_compaction || told.collect::<String>() == *text;
                (!(is_right && is_complete && retried.is_none())).then(|| format!("{text:?} is not taken"))
            }
            Outcome::Retried(words) => {
                let is_right = is_complete && retried.is_some_and(|error| error.contains(words.as_str()));
                (!is_right).then(|| format!("it is not retried because of {words:?}"))
            }
            Outcome::Failed(words) => {
                let is_right =
                    !is_complete && retried.is_none() && failed.is_some_and(|error| error.contains(words.as_str()));
                (!is_right).then(|| format!("it does not fail because of {words:?}"))
            }
        }
    }
}

fn is_end(message: &EventMessage) -> bool {
    matches!(message, EventMessage::TurnComplete { .. } | EventMessage::TurnAborted { .. })
}

/// Returns the reply to a request: first the quirk, and then what a good provider would send.
fn reply(place: Place, quirk: &Answer, request: &Request, earlier: usize) -> Answer {
    let is_compaction = request.endpoint == "responses/compact";
    let is_child = request.agent != "/root";
    let is_here = match place {
        Place::Root | Place::Summary => !is_child,
        Place::Child => is_child,
        Place::Compaction => is_compaction,
    };
    if is_here && earlier == 0 {
        return quirk.clone();
    }
    if is_compaction {
        let output = json!({"output": [{"type": "compaction", "encrypted_content": "sealed"}]});
        return Answer { head: "200 OK".to_owned(), body: output.to_string().into_bytes(), framing: Framing::Length };
    }
    let call = |name: &str, arguments: Value| {
        let call_id = format!("call_{name}");
        json!({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments.to_string()})
    };
    let item = match (place, is_child, earlier) {
        (Place::Child, false, 0) => call("spawn_agent", json!({"task_name": "a", "message": "Work."})),
        (Place::Child, false, 1) => call("wait_agent", json!({"timeout_ms": 3_600_000})),
        _ => message("Done."),
    };
    stream_of(&[done(&item), completed()].concat())
}

fn stream_of(events: &str) -> Answer {
    answer("200 OK\r\ncontent-type: text/event-stream", events)
}

fn answer(head: &str, body: impl Into<Vec<u8>>) -> Answer {
    Answer { head: head.to_owned(), body: body.into(), framing: Framing::Length }
}

fn message(text: &str) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn event(data: &Value) -> String {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap())
}

fn done(item: &Value) -> String {
    event(&json!({"type": "response.output_item.done", "output_index": 0, "item": item}))
}

fn delta(text: &str) -> String {
    event(&json!({"type": "response.output_text.delta", "output_index": 0, "delta": text}))
}

fn completed() -> String {
    event(&json!({"type": "response.completed", "response": {"id": "resp_1", "usage": {"input_tokens": 1}}}))
}

async fn check(quirks: impl IntoIterator<Item = Quirk>) {
    let played = stream::iter(quirks).map(|quirk| tokio::spawn(quirk.problem())).buffer_unordered(AT_A_TIME);
    let problems: Vec<_> = played.filter_map(async |problem| problem.unwrap()).collect().await;
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n\n"));
}

/// The bodies of errors, each with the provider's words that must be reported.
fn error_bodies() -> Vec<(Vec<u8>, &'static str)> {
    let bodies = [
        (r#"{"error": {"message": "the words", "type": null, "code": null}}"#, "the words"),
        (r#"[{"error": {"code": 418, "message": "the words", "status": "SOME_STATUS"}}]"#, "the words"),
        (r#"{"error": "the words"}"#, "the words"),
        (r#"{"error": {"message": "{\"error\": {\"message\": \"the words\"}}"}}"#, "the words"),
        (r#"{"errors": [{"message": "the words"}]}"#, "the words"),
        (r#"{"detail": [{"loc": ["body"], "msg": "the words"}]}"#, "the words"),
        (r#"{"Message": "the words"}"#, "the words"),
        (r#""the words""#, "the words"),
        (r#"["the words"]"#, "the words"),
        ("the words", "the words"),
        ("<html><body>the words</body></html>", "the words"),
        (r#"{"error": {"message": "the words \ud83d"#, "the words"),
        ("\u{feff}{\"error\": \"the words\"}", "the words"),
        ("17", "17"),
        ("true", "true"),
        ("null", "null"),
        ("[[[]]]", "[[[]]]"),
        ("{}", "{}"),
        ("", "no reason given"),
        ("caf\u{e9} \u{0} \u{1b}[2J", "caf\u{e9}"),
    ];
    let mut bodies: Vec<_> = bodies.map(|(body, words)| (body.as_bytes().to_vec(), words)).to_vec();
    bodies.push((gzip(br#"{"error": {"message": "the words"}}"#), "the words"));
    bodies.push((b"\xff\xfe the words".to_vec(), "the words"));
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_every_status_and_shape_at_every_place() {
    let statuses = [
        ("400 Bad Request", false),
        ("401 Unauthorized", false),
        ("404 Not Found", false),
        ("408 Request Timeout", true),
        ("429 Too Many Requests", true),
        ("500 Internal Server Error", true),
        ("503 Service Unavailable", true),
        ("529 Overloaded", true),
    ];
    let mut quirks = Vec::new();
    for (status, is_retried) in statuses {
        // All shapes with two statuses, and some shapes with the others, which are read in the same way.
        let is_main = status.starts_with("400") || status.starts_with("429");
        let bodies = error_bodies().into_iter().step_by(if is_main { 1 } else { 6 });
        for (body, words) in bodies {
            for place in [Place::Root, Place::Child, Place::Summary, Place::Compaction] {
                let framing = Framing::WHOLE[quirks.len() % Framing::WHOLE.len()];
                let outcome = if is_retried { Outcome::Retried } else { Outcome::Failed };
                let answer = Answer { framing, ..answer(status, body.clone()) };
                quirks.push(Quirk { place, answer, outcome: outcome(words.to_owned()) });
            }
        }
    }
    let words = br#"{"error": {"message": "the words"}}"#;
    for (encoding, body) in
        [("br", brotli(words)), ("zstd", zstd(words)), ("deflate", zlib(words)), ("utf-8", words.to_vec())]
    {
        for place in [Place::Root, Place::Child, Place::Summary, Place::Compaction] {
            let answer = answer(&format!("400 Bad Request\r\ncontent-encoding: {encoding}"), body.clone());
            quirks.push(Quirk { place, answer, outcome: Outcome::Failed("the words".to_owned()) });
        }
    }
    check(quirks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_every_kind_in_every_framing_at_every_place() {
    let created = event(&json!({"type": "response.created", "response": {"id": "resp_1", "error": null}}));
    let whole = [done(&message("Hello")), completed()].concat();
    let before = |start: &str| [&created, start, &whole].concat();
    let failing = |words: &str| [&created, &delta("Hel"), words].concat();
    let taken = Outcome::Taken("Hello");
    let retried = || Outcome::Retried("the words".to_owned());
    let failed = || Outcome::Failed("the words".to_owned());
    let json_head = "200 OK\r\ncontent-type: application/json";
    let table: Vec<(Answer, Outcome)> = vec![
        // Keep-alives, and events that are unknown or damaged.
        (stream_of(&before("event: ping\ndata: {}\n\n")), taken.clone()),
        (stream_of(&before("event: ping\ndata: still here\n\n")), taken.clone()),
        (stream_of(&before(": still here\n\n\n\n")), taken.clone()),
        (stream_of(&before("data: null\n\ndata: 7\n\ndata: []\n\ndata: \"\"\n\n")), taken.clone()),
        (stream_of(&before("data: {\"type\": \"response.output_text.delta\", \"del\n\n")), taken.clone()),
        (stream_of(&before("data: {\"type\": \"response.output_item.done\", \"item\": null}\n\n")), taken.clone()),
        (
            stream_of(&before("data: {\"type\": \"response.new_thing\", \"error\": null}\n\nretry: 5\nid: 7\n\n")),
            taken.clone(),
        ),
        (
            stream_of(&before("data: {\"type\": \"response.output_text.delta\", \"delta\": \"\\ud83d\"}\n\n")),
            taken.clone(),
        ),
        // Framing.
        (stream_of(&format!("\u{feff}{}", before(""))), taken.clone()),
        (stream_of(&before("").replace('\n', "\r\n")), taken.clone()),
        (stream_of(&before("").replace('\n', "\r")), taken.clone()),
        (stream_of(before("").trim_end()), taken.clone()),
        (stream_of(&format!("{}\n", before("").trim_end())), taken.clone()),
        (stream_of(&format!("{}\r\n", before("").trim_end().replace('\n', "\r\n"))), taken.clone()),
        (stream_of(&typeless(&before(""))), taken.clone()),
        (
            stream_of(
                &before("")
                    .lines()
                    .map(|line| if line.starts_with("event:") { "" } else { line })
                    .collect::<Vec<_>>()
                    .join("\n"),
            ),
            taken.clone(),
        ),
        (Answer { framing: Framing::Cut, ..stream_of(before("").trim_end()) }, taken.clone()),
        (answer("200 OK", before("")), taken.clone()),
        (answer(json_head, before("")), taken.clone()),
        (answer("200 OK\r\ncontent-encoding: gzip", gzip(before("").as_bytes())), taken.clone()),
        (answer("200 OK", gzip(before("").as_bytes())), taken.clone()),
        (answer("200 OK\r\ncontent-encoding: gzip", before("")), taken.clone()),
        (answer("200 OK\r\ncontent-encoding: br", brotli(before("").as_bytes())), taken.clone()),
        (answer("200 OK\r\ncontent-encoding: br", before("")), taken.clone()),
        (answer("200 OK\r\ncontent-encoding: zstd", zstd(before("").as_bytes())), taken.clone()),
        (answer("200 OK", zstd(before("").as_bytes())), taken.clone()),
        (answer("200 OK\r\ncontent-encoding: deflate", zlib(before("").as_bytes())), taken.clone()),
        (
            answer("200 OK\r\ncontent-encoding: br\r\ncontent-encoding: gzip", gzip(&brotli(before("").as_bytes()))),
            taken.clone(),
        ),
        // Text that arrives only in pieces, or only at the end.
        (stream_of(&[&delta("Hel"), &delta("lo"), &completed()].map(String::as_str).concat()), taken.clone()),
        (stream_of(&[delta("Hel"), delta("lo"), completed_with(&json!([]))].concat()), taken.clone()),
        (stream_of(&[delta("Hel"), delta("lo"), completed_with(&json!([message("")]))].concat()), taken.clone()),
        (stream_of(&[delta("Hel"), delta("lo"), done(&message("")), completed()].concat()), taken.clone()),
        (
            stream_of(&[event(&json!({"type": "response.output_text.done", "text": "Hello"})), completed()].concat()),
            taken.clone(),
        ),
        (stream_of(&completed_with(&json!([message("Hello")]))), taken.clone()),
        (stream_of(&[done(&json!({"type": "message", "content": "Hello"})), completed()].concat()), taken.clone()),
        // Errors in the stream.
        (stream_of(&failing("data: {\"error\": {\"message\": \"the words\"}}\n\n")), retried()),
        (stream_of(&failing("data: {\"error\": \"the words\"}")), retried()),
        (stream_of(&failing("event: error\ndata: the words\n\n")), retried()),
        (
            stream_of(&failing("event: error\ndata: {\"type\": \"overloaded_error\", \"message\": \"the words\"}\n\n")),
            retried(),
        ),
        (
            stream_of(&failing("data: {\"type\": \"response.error\", \"error\": {\"message\": \"the words\"}}\n\n")),
            retried(),
        ),
        (stream_of(&failing("data: {\"detail\": \"the words\"}\n\n")), retried()),
        (stream_of(&failing("{\"error\": {\"message\": \"the words\"}}\n")), retried()),
        (stream_of(&failing("the words\n")), retried()),
        (stream_of(&failing("data: {\"error\": {\"message\": \"the words\", \"code\": 401}}\n\n")), failed()),
        (
            stream_of(&failing(
                "data: {\"error\": {\"message\": \"the words\", \"code\": \"insufficient_quota\"}}\n\n",
            )),
            failed(),
        ),
        (
            stream_of(&failing(
                "data: {\"error\": {\"message\": \"the words\", \"type\": \"invalid_request_error\"}}\n\n",
            )),
            failed(),
        ),
        (stream_of(&failing("")), Outcome::Retried("stream closed before response.completed".to_owned())),
        (stream_of(""), Outcome::Retried("stream closed before response.completed".to_owned())),
        (
            Answer { framing: Framing::Cut, ..stream_of(&failing("")) },
            Outcome::Retried("stream disconnected".to_owned()),
        ),
        // Documents in place of a stream.
        (answer(json_head, r#"{"error": {"message": "the words"}}"#), retried()),
        (answer(json_head, r#"{"error": {"message": "the words", "code": "insufficient_quota"}}"#), failed()),
        (answer("200 OK", r#" [{"error": {"message": "the words"}}]"#), retried()),
        (answer("200 OK", "the words"), retried()),
        (answer("200 OK\r\ncontent-encoding: gzip", gzip(br#"{"error": "the words"}"#)), retried()),
        (
            answer(json_head, r#"{"object": "response", "output": []}"#),
            Outcome::Failed("a whole answer at once (application/json)".to_owned()),
        ),
        (
            answer("200 OK\r\ncontent-type: text/html", "<html></html>"),
            Outcome::Failed("returned text/html instead".to_owned()),
        ),
        (answer("200 OK\r\ncontent-encoding: br", brotli(br#"{"error": "the words"}"#)), retried()),
        (
            answer("200 OK\r\ncontent-encoding: compress", b"\x1f\x9d\x90\x00\x00".to_vec()),
            Outcome::Failed("compressed with compress".to_owned()),
        ),
    ];
    let mut quirks = Vec::new();
    for (answer, outcome) in table {
        for place in ASKED {
            let framings = match (answer.framing, place) {
                (Framing::Cut, _) => vec![Framing::Cut],
                (_, Place::Root) => Framing::WHOLE.to_vec(),
                _ => vec![Framing::WHOLE[quirks.len() % Framing::WHOLE.len()]],
            };
            for framing in framings {
                let answer = Answer { framing, ..answer.clone() };
                quirks.push(Quirk { place, answer, outcome: outcome.clone() });
            }
        }
    }
    check(quirks).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_of_every_kind_instead_of_a_compacted_history() {
    let retried = || Outcome::Retried("the words".to_owned());
    let unreadable = || Outcome::Failed("error in the compacted history".to_owned());
    let output = r#"{"output": [{"type": "compaction", "encrypted_content": "sealed"}]}"#;
    let mut quirks = Vec::new();
    for (body, outcome) in [
        (output.as_bytes().to_vec(), Outcome::Taken("sealed")),
        (output.replace("sealed", "sealed \\ud83d").into_bytes(), Outcome::Taken("sealed \u{fffd}")),
        (zstd(output.as_bytes()), Outcome::Taken("sealed")),
        (gzip(output.as_bytes()), Outcome::Taken("sealed")),
        (br#"{"error": {"message": "the words"}}"#.to_vec(), retried()),
        (br#"[{"error": "the words"}]"#.to_vec(), retried()),
        (br#"{"error": {"message": "the words", "code": 400}}"#.to_vec(), Outcome::Failed("the words".to_owned())),
        (b"".to_vec(), unreadable()),
        (b"the words".to_vec(), unreadable()),
        (b"{}".to_vec(), unreadable()),
        (b"[]".to_vec(), unreadable()),
        (br#"{"output": []}"#.to_vec(), unreadable()),
    ] {
        for framing in Framing::WHOLE {
            let answer = Answer { framing, ..answer("200 OK\r\ncontent-type: application/json", body.clone()) };
            quirks.push(Quirk { place: Place::Compaction, answer, outcome: outcome.clone() });
        }
    }
    check(quirks).await;
}

#[tokio::test]
async fn the_time_to_wait_is_found_wherever_it_is() {
    let slow = r#"{"error": {"message": "slow"}}"#;
    for (head, body, millis) in [
        ("retry-after-ms: 2500", slow, 2500),
        ("retry-after: 3", slow, 3000),
        ("retry-after: 0.25", slow, 250),
        ("retry-after: 3s", slow, 3000),
        ("x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1m30s", slow, 90_000),
        ("x-a: b", r#"{"error": {"message": "Please retry after 3 seconds"}}"#, 3000),
        ("x-a: b", r#"{"error": {"message": "Rate limit. Try again in 3 seconds."}}"#, 3000),
        ("x-a: b", r#"{"error": {"message": "slow", "retry_after": 4}}"#, 4000),
        ("x-a: b", r#"[{"error": {"message": "slow", "details": [{"retryDelay": "34s"}]}}]"#, 34_000),
        ("x-a: b", "Wait 20 ms.", 20),
        ("x-a: b", slow, 1),
    ] {
        let of_status = answer(&format!("429 Too Many Requests\r\n{head}"), body);
        // The same with a status of success.
        let document = json_of(body);
        let of_stream =
            answer(&format!("200 OK\r\ncontent-type: text/event-stream\r\n{head}"), format!("data: {document}\n\n"));
        let of_document = answer(&format!("200 OK\r\ncontent-type: application/json\r\n{head}"), document.to_string());
        for quirk in [of_status, of_stream, of_document] {
            let server = RawServer::start(move |_, _| quirk.clone()).await;
            let folder = tempfile::tempdir().unwrap();
            let provider = Provider { name: "raw".to_owned(), base_url: server.url.clone(), api_key: None };
            let mut config = AgentConfig::new(provider, "m", folder.path());
            config.trace = TraceTarget::Off;
            config.retries.first_delay = Duration::from_millis(1);
            config.retries.max_delay = Duration::from_secs(100);
            let thread = AgentThread::start(config).await.unwrap();
            thread.submit(Op::say("Go.")).unwrap();
            let delay = loop {
                match timeout(HANG, thread.next_event()).await.unwrap().unwrap().message {
                    EventMessage::Retrying { delay_ms, .. } => break delay_ms,
                    EventMessage::Error { message } => panic!("{head} {body}: {message}"),
                    _ => {}
                }
            };
            assert_eq!(delay, millis, "{head} {body}");
        }
    }
}

/// Returns an error as JSON, with text that is not JSON as its message, and with the status that HTTP does not have.
fn json_of(body: &str) -> Value {
    let mut document = serde_json::from_str(body).unwrap_or_else(|_| json!({"error": {"message": body}}));
    if document.is_object() {
        document["error"]["code"] = 429.into();
    }
    document
}

fn completed_with(output: &Value) -> String {
    event(&json!({"type": "response.completed", "response": {"id": "resp_1", "output": output}}))
}

/// Removes the types from the data of a stream's events, whose names say the same.
fn typeless(stream: &str) -> String {
    let lines = stream.lines().map(|line| match line.strip_prefix("data: ") {
        Some(data) => {
            let mut data: Value = serde_json::from_str(data).unwrap();
            data.as_object_mut().unwrap().remove("type").unwrap();
            format!("data: {data}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}
