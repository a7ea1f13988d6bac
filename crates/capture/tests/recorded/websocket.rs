//! Calls over a WebSocket, which the proxy passes on as it passes on any other protocol.

use std::{net::Ipv4Addr, path::Path, time::Duration};

use flate2::{Compress, Compression, FlushCompress};
use rollout_trace::{Bundle, RolloutTrace, reduce_bundle};
use rollout_trace_capture::{Proxy, Recording, Redact, Report, Tap, Unrecorded, Upstream};
use rollout_trace_recorder::ExecutionStatus;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::spawn_blocking,
};

use crate::{assert_no_secret, facts, read_until};

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// How messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Plain,
    Deflate,
}

/// Makes the frames of one side.
struct Sender {
    side: Side,
    deflate: Option<Compress>,
}

impl Sender {
    fn new(side: Side, coding: Coding) -> Self {
        Self { side, deflate: (coding == Coding::Deflate).then(|| Compress::new(Compression::fast(), false)) }
    }

    fn frame(&mut self, text: &str) -> Vec<u8> {
        let (mut first, mut data) = (0x81, text.as_bytes().to_vec());
        if let Some(deflate) = &mut self.deflate {
            let mut out = Vec::with_capacity(data.len() + 100);
            deflate.compress_vec(&data, &mut out, FlushCompress::Sync).expect("memory takes it");
            out.truncate(out.len() - 4);
            (first, data) = (0xc1, out);
        }
        let (mask_bit, mask) = if self.side == Side::Client { (0x80, vec![7, 0, 200, 31]) } else { (0, vec![]) };
        let length = u16::try_from(data.len()).expect("messages are short here");
        let mut frame = match length {
            short @ 0..126 => vec![first, mask_bit | short as u8],
            long => [&[first, mask_bit | 126][..], &long.to_be_bytes()].concat(),
        };
        frame.extend_from_slice(&mask);
        frame.extend(data.iter().zip(0..).map(|(byte, at)| byte ^ mask.get(at % 4).unwrap_or(&0)));
        frame
    }
}

/// Passes messages through the proxy, in this order, and compares both sides. Returns the graph of the bundle.
async fn passed(root: &Path, coding: Coding, messages: &[(Side, String)]) -> (RolloutTrace, Report) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tap, feed) = Tap::open();
    let upstream = Upstream::parse("openai", &format!("http://{address}/v1")).expect("an address");
    let proxy = Proxy::start(vec![upstream], |_| None, tap).expect("a proxy");
    let recording = Recording::start(root, Redact::Common, feed).expect("a bundle");
    let base = proxy.base_url("openai").replace(&format!("http://{}", proxy.address()), "");
    let mut client = TcpStream::connect(proxy.address()).await.expect("the port is open");
    let head = format!(
        "GET {base}/responses HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer {}\r\n\
         session-id: s\r\nthread-id: t\r\nx-codex-turn-metadata: {{\"turn_id\":\"\"}}\r\nsec-websocket-key: eA==\r\n\r\n",
        proxy.address(),
        crate::SECRETS[0]
    );
    client.write_all(head.as_bytes()).await.expect("a proxy");
    let (mut server, _) = listener.accept().await.expect("the proxy connects");
    let ends_head = |bytes: &[u8]| bytes.ends_with(b"\r\n\r\n");
    read_until(&mut server, ends_head).await;
    let extensions = match coding {
        Coding::Plain => "",
        Coding::Deflate => "Sec-WebSocket-Extensions: permessage-deflate\r\n",
    };
    let answer =
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{extensions}\r\n");
    server.write_all(answer.as_bytes()).await.expect("a proxy");
    assert_eq!(read_until(&mut client, ends_head).await, answer.as_bytes());
    let (mut of_client, mut of_server) = (Sender::new(Side::Client, coding), Sender::new(Side::Server, coding));
    for (side, text) in messages {
        let (sender, from, to) = match side {
            Side::Client => (&mut of_client, &mut client, &mut server),
            Side::Server => (&mut of_server, &mut server, &mut client),
        };
        let frame = sender.frame(text);
        from.write_all(&frame).await.expect("an open connection");
        assert_eq!(read_until(to, |bytes| bytes.len() >= frame.len()).await, frame);
    }
    client.shutdown().await.expect("an open connection");
    assert_eq!(server.read_to_end(&mut Vec::new()).await.expect("an end"), 0);
    drop(server);
    assert_eq!(client.read_to_end(&mut Vec::new()).await.expect("an end"), 0);
    let finished = spawn_blocking(move || {
        proxy.stop(Duration::from_secs(5));
        recording.finish(ExecutionStatus::Completed)
    });
    let report = finished.await.expect("the recording ends");
    let folder = report.bundle.clone().expect("a folder");
    assert_no_secret(&folder);
    let graph = reduce_bundle(&Bundle::open(&folder).expect("a bundle"));
    (graph, report)
}

fn request(fields: &str, turn: &str, input: &str) -> (Side, String) {
    let metadata = format!(r#"{{\"installation_id\":\"{}\",\"turn_id\":\"{turn}\"}}"#, crate::SECRETS[3]);
    let text = format!(
        r#"{{"type":"response.create","model":"m",{fields}"client_metadata":{{"x-codex-turn-metadata":"{metadata}"}},"input":[{input}]}}"#
    );
    (Side::Client, text)
}

fn events(id: &str, item: &str) -> [(Side, String); 3] {
    [
        format!(r#"{{"type":"response.created","response":{{"id":"{id}"}}}}"#),
        format!("{{\"type\":\"response.output_item.done\",\n \"output_index\":0,\"item\":{item}}}"),
        format!(r#"{{"type":"response.completed","response":{{"id":"{id}","usage":{{"input_tokens":7}}}}}}"#),
    ]
    .map(|text| (Side::Server, text))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_recorded_call_by_call() {
    let tools = r#"{"type":"additional_tools","role":"developer","tools":[{}]}"#;
    let question = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"q"}]}"#;
    let context = question.replace(r#""q""#, r#""the context""#);
    let call = r#"{"type":"function_call","name":"ls","arguments":"{}","call_id":"c1"}"#;
    let output = r#"{"type":"function_call_output","call_id":"c1","output":"out"}"#;
    let text = r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Done."}]}"#;
    let mut messages = vec![request(r#""generate":false,"#, "", "")];
    let [created, _, completed] = events("resp_0", "{}");
    messages.extend([created, completed]);
    messages.push(request(r#""generate":false,"#, "", &format!("{tools},{context}")));
    let [created, _, completed] = events("resp_1", "{}");
    messages.extend([created, completed]);
    messages.push(request(r#""previous_response_id":"resp_1","#, "turn-a", question));
    messages.extend(events("resp_2", call));
    messages.push((Side::Server, r#"{"type":"codex.rate_limits"}"#.to_owned()));
    messages.push(request(r#""previous_response_id":"resp_2","#, "turn-a", output));
    messages.extend(events("resp_3", text));
    messages.push(request(r#""previous_response_id":"resp_3","#, "turn-b", question));
    messages.push((Side::Server, r#"{"type":"error","status":429,"error":{"message":"Too many"}}"#.to_owned()));
    messages.push(request("", "turn-b", &format!("{tools},{question}")));
    for coding in [Coding::Plain, Coding::Deflate] {
        let root = tempfile::tempdir().expect("a folder");
        let (graph, report) = passed(root.path(), coding, &messages).await;
        assert_eq!(
            facts(&graph),
            [
                "t/turn-1 responses Completed 1 -> 0",
                "turn-a responses Completed 2 -> 1",
                "turn-a responses Completed 4 -> 1",
                "turn-b responses Failed 6 -> 0",
                "turn-b responses Cancelled 1 -> 0",
            ],
            "{coding:?}"
        );
        assert_eq!((report.seen, report.recorded, graph.threads.len()), (7, 5, 1));
        let unrecorded: Vec<_> = report.unrecorded.iter().map(|((why, ..), count)| (*why, *count)).collect();
        assert_eq!(unrecorded, [(Unrecorded::NoCall, 1)], "the request that asks for nothing");
        assert!(graph.threads.keys().all(|thread| thread.as_str() == "t"));
        let tools: Vec<_> = graph.tool_calls.values().map(|tool| &tool.execution.status).collect();
        assert_eq!(tools, [&ExecutionStatus::Completed], "its output is in a request");
        let usage = graph.inference_calls.values().filter_map(|call| call.usage.as_ref());
        assert!(usage.clone().count() == 3 && usage.clone().all(|usage| usage.input_tokens == 7));
        assert!(graph.diagnostics.is_empty(), "{:?}", graph.diagnostics);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_call_passes_and_is_reported() {
    let root = tempfile::tempdir().expect("a folder");
    let messages = [(Side::Client, "hello".to_owned()), (Side::Server, r#"{"type":"greeting"}"#.to_owned())];
    let (graph, report) = passed(root.path(), Coding::Plain, &messages).await;
    assert_eq!((graph.inference_calls.len(), report.seen, report.recorded), (0, 1, 0));
    assert_eq!(report.unrecorded.keys().map(|(why, ..)| *why).collect::<Vec<_>>(), [Unrecorded::OtherProtocol]);
}
