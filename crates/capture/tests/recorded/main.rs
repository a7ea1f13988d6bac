//! Exchanges of every API pass through the proxy between a client that replays them and a scripted peer. Both sides are
//! compared, and the recorded bundle is reduced.

mod websocket;

use std::{fs, io::Write, net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use flate2::{Compression, write::GzEncoder};
use rollout_trace::{Bundle, Drawing, RolloutTrace, Severity, reduce_bundle};
use rollout_trace_capture::{Proxy, Recording, Redact, Report, Tap, Unrecorded, Upstream};
use rollout_trace_recorder::ExecutionStatus;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::spawn_blocking,
};

/// Secrets of the exchanges. None may be in a file of the bundle.
const SECRETS: [&str; 6] = [
    "sk-ant-api03-headerheaderheaderheaderheader",
    "querykeyquerykeyquerykey",
    "sk-proj-bodybodybodybodybodybodybodybodybody1234",
    "devicedevicedevice",
    "accountaccountaccount",
    "cookiecookiecookie",
];

/// A request and its answer.
#[derive(Clone, Debug)]
struct Exchange {
    target: String,
    headers: &'static str,
    body: String,
    status: &'static str,
    answer: Vec<u8>,
    /// What the peer does with the connection after the answer.
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Continue,
    /// It is reset before the answer's end.
    Reset,
    /// The client leaves before the answer's end.
    ClientLeaves,
}

fn ask(target: &str, body: &str, answer: &str) -> Exchange {
    Exchange {
        target: target.to_owned(),
        headers: "",
        body: body.to_owned(),
        status: "200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1",
        answer: answer.as_bytes().to_vec(),
        then: Then::Continue,
    }
}

fn gzipped(mut exchange: Exchange) -> Exchange {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&exchange.answer).expect("memory takes it");
    exchange.answer = gzip.finish().expect("memory takes it");
    exchange.status = "200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip";
    exchange
}

/// Returns whether the whole text has arrived.
async fn read_until(peer: &mut TcpStream, ends: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !ends(&bytes) {
        assert!(peer.read_buf(&mut bytes).await.expect("more of it") > 0, "{}", String::from_utf8_lossy(&bytes));
    }
    bytes
}

fn request_text(exchange: &Exchange, base: &str, host: &str) -> String {
    let Exchange { target, headers, body, .. } = exchange;
    let key = SECRETS[0];
    let length = body.len();
    format!(
        "POST {base}{target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\nx-api-key: {key}\r\n{headers}Cookie: {}\r\n\
         content-length: {length}\r\n\r\n{body}",
        SECRETS[5]
    )
}

fn answer_bytes(exchange: &Exchange) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {}\r\nSet-Cookie: {}\r\ntransfer-encoding: chunked\r\n\r\n", exchange.status, SECRETS[5]);
    let mut bytes = head.into_bytes();
    for chunk in exchange.answer.chunks(100) {
        bytes.extend_from_slice(format!("{:x};ext=1\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    if exchange.then == Then::Continue {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    bytes
}

/// Replays exchanges, each on a connection of its own, and compares what both sides see. Returns the graph of the bundle.
async fn replay(root: &Path, exchanges: Vec<Exchange>) -> (RolloutTrace, Report) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (tap, feed) = Tap::open();
    let upstream = Upstream::parse("provider", &format!("http://{address}")).expect("an address");
    let proxy = Proxy::start(vec![upstream], |_| None, tap).expect("a proxy");
    let recording = Recording::start(root, Redact::Common, feed).expect("a bundle");
    let host = proxy.address().to_string();
    let base = proxy.base_url("provider").replace(&format!("http://{host}"), "");
    let script = exchanges.clone();
    // The client has read the answer that the peer breaks off.
    let is_read = Arc::new(Notify::new());
    let may_reset = Arc::clone(&is_read);
    let server = tokio::spawn(async move {
        for exchange in script {
            let (mut peer, _) = listener.accept().await.expect("a client");
            let wanted = request_text(&exchange, "", &address);
            let came = read_until(&mut peer, |bytes| bytes.len() >= wanted.len()).await;
            assert_eq!(String::from_utf8_lossy(&came), wanted);
            peer.write_all(&answer_bytes(&exchange)).await.expect("a client");
            match exchange.then {
                // The client has read everything once it closes its side.
                Then::Continue | Then::ClientLeaves => drop(peer.read_to_end(&mut Vec::new()).await),
                Then::Reset => {
                    may_reset.notified().await;
                    peer.set_zero_linger().expect("an option");
                }
            }
        }
    });
    for exchange in &exchanges {
        let mut client = TcpStream::connect(proxy.address()).await.expect("the port is open");
        client.write_all(request_text(exchange, &base, &host).as_bytes()).await.expect("a request");
        let wanted = answer_bytes(exchange);
        let came = read_until(&mut client, |bytes| bytes.len() >= wanted.len()).await;
        assert!(came == wanted, "{}", String::from_utf8_lossy(&came));
        match exchange.then {
            Then::Continue | Then::ClientLeaves => client.shutdown().await.expect("an open connection"),
            Then::Reset => is_read.notify_one(),
        }
        let end = client.read_to_end(&mut Vec::new()).await;
        assert_eq!(end.is_err(), exchange.then == Then::Reset, "{end:?}");
    }
    server.await.expect("the peer gets what it wants");
    let finished = spawn_blocking(move || {
        proxy.stop(Duration::from_secs(5));
        recording.finish(ExecutionStatus::Completed)
    });
    let report = finished.await.expect("the recording ends");
    let folder = report.bundle.clone().expect("a folder");
    assert_no_secret(&folder);
    let graph = reduce_bundle(&Bundle::open(&folder).expect("a bundle"));
    let errors: Vec<_> = graph.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?}");
    (graph, report)
}

fn assert_no_secret(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            assert_no_secret(&entry);
            continue;
        }
        let bytes = fs::read(&entry).expect("a file");
        for secret in SECRETS {
            let is_in = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_in, "{secret} is in {}", entry.display());
        }
    }
}

/// Draws what the calls were: thread, API, status, model, and which items the requests had.
fn facts(graph: &RolloutTrace) -> Vec<String> {
    let mut calls: Vec<_> = graph.inference_calls.values().collect();
    calls.sort_by_key(|call| call.execution.started_seq);
    let fact = |call: &&rollout_trace::model::InferenceCall| {
        format!(
            "{} {} {:?} {} -> {}",
            call.codex_turn_id.as_ref().map_or("-", |turn| turn.as_str()),
            call.wire_api.as_ref().map_or("responses", |api| api.as_str()),
            call.execution.status,
            call.request_item_ids.len(),
            call.response_item_ids.len(),
        )
    };
    calls.iter().map(fact).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages() {
    let root = tempfile::tempdir().expect("a folder");
    let user = format!(
        r#""metadata":{{"user_id":"{{\"device_id\":\"{}\",\"account_uuid\":\"{}\",\"session_id\":\"s\"}}"}}"#,
        SECRETS[3], SECRETS[4]
    );
    let tools = r#""tools":[{"name":"Bash"}]"#;
    let question = format!(r#"{{"role":"user","content":"Use the key {}"}}"#, SECRETS[2]);
    let target = format!("/v1/messages?beta=true&key={}", SECRETS[1]);
    let stream = |block: &str, stop: &str| {
        format!(
            "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"id\":\"msg\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{{\"input_tokens\":1,\"output_tokens\":1}}}}}}\n\n\
             data: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{block}}}\n\n\
             data: {{\"type\":\"content_block_stop\",\"index\":0}}\n\n{stop}"
        )
    };
    let stop = "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":5}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
    let call = r#"{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls"}}"#;
    let text = r#"{"type":"text","text":"Done, all of it."}"#;
    let with_output = format!(
        r#"{question},{{"role":"assistant","content":[{call}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"t1","content":"notes.txt"}}]}}"#
    );
    let body = |messages: &str| format!(r#"{{"model":"m",{user},{tools},"messages":[{messages}]}}"#);
    let mut overloaded = ask(
        &target,
        &body(&question),
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    );
    overloaded.status = "529 Overloaded\r\ncontent-type: application/json";
    let mut left = ask(
        &target,
        &body(&format!(
            r#"{with_output},{{"role":"assistant","content":[{text}]}},{{"role":"user","content":"more"}}"#
        )),
        &stream(text, ""),
    );
    left.then = Then::ClientLeaves;
    let mut reset = left.clone();
    reset.then = Then::Reset;
    let exchanges = vec![
        ask(
            &target,
            &format!(r#"{{"model":"m",{user},"messages":[{{"role":"user","content":"A title?"}}]}}"#),
            &stream(text, stop),
        ),
        overloaded,
        gzipped(ask(&target, &body(&question), &stream(call, stop))),
        ask(&target, &body(&with_output), &stream(text, stop)),
        left,
        reset,
        ask("/v1/messages/count_tokens", "{}", "{}"),
        ask("/v1/messages", "no JSON", "{}"),
    ];
    let (graph, report) = replay(root.path(), exchanges).await;
    assert_eq!(
        facts(&graph),
        [
            "s:2/turn-1 messages Completed 1 -> 1",
            "s/turn-1 messages Failed 1 -> 0",
            "s/turn-1 messages Completed 1 -> 1",
            "s/turn-1 messages Completed 3 -> 1",
            "s/turn-2 messages Cancelled 5 -> 1",
            "s/turn-2 messages Failed 5 -> 1",
        ]
    );
    assert_eq!((report.seen, report.recorded, report.lost), (8, 6, 0));
    let unrecorded: Vec<_> = report.unrecorded.keys().map(|(why, _, path)| (*why, path.as_str())).collect();
    assert_eq!(
        unrecorded,
        [(Unrecorded::Unreadable, "/v1/messages"), (Unrecorded::NoCall, "/v1/messages/count_tokens")]
    );
    assert_eq!(graph.threads.len(), 2);
    assert_eq!(graph.root_thread_id.as_str(), "s");
    assert_eq!(graph.tool_calls.len(), 1, "the call is inferred from the conversation");
    let drawing = Drawing::new(&graph).to_string();
    assert!(drawing.contains("notes.txt") && drawing.contains("Overloaded"), "{drawing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn chat_completions() {
    let root = tempfile::tempdir().expect("a folder");
    let body = |messages: &str| {
        format!(
            r#"{{"model":"m","stream":true,"tools":[{{}}],"messages":[{{"role":"user","content":"q"}}{messages}]}}"#
        )
    };
    let call = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t1\",\"function\":{\"name\":\"ls\",\"arguments\":\"{}\"}}]}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n";
    let done = "data: {\"id\":\"d\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Done.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let more = r#",{"role":"assistant","tool_calls":[{"id":"t1","type":"function","function":{"name":"ls","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t1","content":"out"}"#;
    let target = "/v1/chat/completions";
    let (graph, _) = replay(root.path(), vec![ask(target, &body(""), call), ask(target, &body(more), done)]).await;
    assert_eq!(
        facts(&graph),
        ["thread-1/turn-1 chat_completions Completed 1 -> 1", "thread-1/turn-1 chat_completions Completed 3 -> 1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn generate_content() {
    let root = tempfile::tempdir().expect("a folder");
    let body = |contents: &str| {
        format!(r#"{{"tools":[{{}}],"contents":[{{"role":"user","parts":[{{"text":"q"}}]}}{contents}]}}"#)
    };
    let call = "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":\"ls\",\"args\":{}}}]},\"finishReason\":\"STOP\"}],\"responseId\":\"r\"}\r\n\r\n";
    let done = "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"Done.\"}]},\"finishReason\":\"STOP\"}],\"responseId\":\"r\"}\r\n\r\n";
    let more = r#",{"role":"model","parts":[{"functionCall":{"name":"ls","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"ls","response":{"output":"out"}}}]}"#;
    let target = format!("/v1beta/models/gemini-x:streamGenerateContent?alt=sse&key={}", SECRETS[1]);
    let (graph, _) = replay(root.path(), vec![ask(&target, &body(""), call), ask(&target, &body(more), done)]).await;
    assert_eq!(
        facts(&graph),
        ["thread-1/turn-1 generate_content Completed 1 -> 1", "thread-1/turn-1 generate_content Completed 3 -> 1"]
    );
    assert!(graph.inference_calls.values().all(|call| call.model == "gemini-x"));
}

#[tokio::test(flavor = "multi_thread")]
async fn responses() {
    let root = tempfile::tempdir().expect("a folder");
    let headers = "session-id: s\r\nthread-id: t\r\nx-codex-turn-metadata: {\"agent_name\":\"/root\",\"turn_id\":\"turn-a\",\"request_kind\":\"turn\",\"installation_id\":\"devicedevicedevice\"}\r\n";
    let stream = |item: &str| {
        format!(
            "data: {{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{item}}}\n\n\
             data: {{\"type\":\"response.completed\",\"response\":{{\"id\":\"resp_1\"}}}}\n\n"
        )
    };
    let body = |items: &str| {
        format!(
            r#"{{"model":"m","tools":[{{}}],"input":[{{"type":"message","role":"user","content":[{{"type":"input_text","text":"q"}}]}}{items}]}}"#
        )
    };
    let call = r#"{"type":"function_call","name":"ls","arguments":"{}","call_id":"c1"}"#;
    let output = r#"{"type":"function_call_output","call_id":"c1","output":"out"}"#;
    let text = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Done."}]}"#;
    let mut exchanges = vec![
        ask("/v1/responses", &body(""), &stream(call)),
        ask("/v1/responses", &body(&format!(",{call},{output}")), &stream(text)),
    ];
    exchanges.iter_mut().for_each(|exchange| exchange.headers = headers);
    let (graph, _) = replay(root.path(), exchanges).await;
    assert_eq!(facts(&graph), ["turn-a responses Completed 1 -> 1", "turn-a responses Completed 3 -> 1"]);
    assert_eq!(graph.root_thread_id.as_str(), "t");
}
