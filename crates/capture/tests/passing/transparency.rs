//! Nothing changes on the way.

use crate::peers::{Step, check, send};

const GET: &str =
    "GET {base}/m?q=%20x&k=1 HTTP/1.1\r\nhOsT:  {host}\r\nX-One: 1\r\nx-ONE:2 \r\nAccept-Encoding: gzip, br\r\n\r\n";

fn post(headers: &str, body: &[u8]) -> Step {
    let head = format!("POST {{base}}/messages HTTP/1.1\r\nHost: {{host}}\r\n{headers}\r\n\r\n");
    send([head.as_bytes(), body].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_known_length() {
    check(
        "request and answer",
        vec![
            post("Content-Type: application/json\r\nContent-Length: 9", b"{\"a\": 1}\n"),
            Step::AwaitText("body!"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![
            Step::AwaitText("{\"a\": 1}\n"),
            send(
                "HTTP/1.1 200 Fine\r\nServer:x\r\nset-COOKIE: a=b\r\nSet-Cookie: c=d\r\ncontent-LENGTH: 5\r\n\r\nbody!",
            ),
            Step::ReadToEnd,
        ],
    )
    .await;
    check(
        "kept alive: no bodies of HEAD, 204 and 304, and an error",
        vec![
            send(GET.replace("GET", "HEAD")),
            Step::AwaitText("\r\n\r\n"),
            send(GET),
            Step::AwaitText("\r\n\r\n"),
            send(GET),
            Step::AwaitText("\r\n\r\n"),
            post("content-length: 0", b""),
            Step::AwaitText("slow down"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"),
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 204 No Content\r\n\r\n"),
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n"),
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 9\r\n\r\nslow down"),
            Step::ReadToEnd,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_with_extensions_and_trailers() {
    let chunks = b"5;ext=\"a;b\"\r\nhello\r\n1;x\r\n!\r\n0;end\r\nX-Sum: 1\r\nX-sum:2\r\n\r\n";
    check(
        "both ways",
        vec![
            post("Transfer-Encoding: chunked\r\nTrailer: X-Sum", chunks),
            Step::AwaitText("X-sum:2\r\n\r\n"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![
            Step::AwaitText("X-sum:2\r\n\r\n"),
            send([&b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..], chunks].concat()),
            Step::ReadToEnd,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_stay_compressed() {
    // Whether or not they can be decompressed.
    let bytes: Vec<u8> = (0..=255_u8).cycle().map(|byte| byte.wrapping_mul(167)).take(5000).collect();
    for encoding in ["gzip", "deflate", "br", "zstd", "br, gzip"] {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", bytes.len());
        let total = head.len() + bytes.len();
        check(
            encoding,
            vec![send(GET), Step::Await(total), Step::HalfClose, Step::ReadToEnd],
            vec![Step::AwaitText("\r\n\r\n"), send([head.as_bytes(), &bytes].concat()), Step::ReadToEnd],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_answers() {
    check(
        "expectation",
        vec![
            post("Expect: 100-continue\r\nContent-Length: 4", b""),
            Step::AwaitText("HTTP/1.1 100 Continue\r\n\r\n"),
            send("body"),
            Step::AwaitText("done"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 100 Continue\r\n\r\n"),
            Step::AwaitText("body"),
            send("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone"),
            Step::ReadToEnd,
        ],
    )
    .await;
    check(
        "refused expectation",
        vec![
            post("Expect: 100-continue\r\nContent-Length: 4", b""),
            Step::AwaitText("no"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![Step::AwaitText("\r\n\r\n"), send("HTTP/1.1 417 No\r\ncontent-length: 2\r\n\r\nno"), Step::ReadToEnd],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_gets_what_the_other_sent_before_it_sends_more() {
    check(
        "in turns, within one body",
        vec![
            post("transfer-encoding: chunked", b"1\r\na\r\n"),
            Step::AwaitText("\r\nA\r\n"),
            send("1\r\nb\r\n"),
            Step::AwaitText("\r\nB\r\n"),
            send("0\r\n\r\n"),
            Step::AwaitText("0\r\n\r\n"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![
            Step::AwaitText("a\r\n"),
            send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nA\r\n"),
            Step::AwaitText("b\r\n"),
            send("1\r\nB\r\n"),
            Step::AwaitText("0\r\n\r\n"),
            send("0\r\n\r\n"),
            Step::ReadToEnd,
        ],
    )
    .await;
    check(
        "in turns, within one head",
        vec![send(GET), Step::AwaitText("HTTP/1.1 20"), Step::HalfClose, Step::ReadToEnd],
        vec![
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 20"),
            Step::ReadToEnd,
            send("0 OK\r\ncontent-length: 0\r\n\r\n"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests() {
    let two = [GET, &GET.replace("/m?", "/n?")].concat();
    check(
        "pipelined",
        vec![send(two), Step::AwaitText("onetwo"), Step::HalfClose, Step::ReadToEnd],
        vec![
            Step::AwaitText("/n?"), Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nonetwo"),
            Step::ReadToEnd,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_and_resets() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let request = || vec![send(GET), Step::AwaitText("hello\r\n")];
    let with = |steps: &[Step]| [request(), steps.to_vec()].concat();
    check(
        "until the end",
        vec![send(GET), Step::ReadToEnd],
        vec![Step::AwaitText("\r\n\r\n"), send("HTTP/1.0 200 OK\r\n\r\nall")],
    )
    .await;
    check("an end in the middle", with(&[Step::ReadToEnd]), vec![Step::AwaitText("\r\n\r\n"), send(chunked)]).await;
    check(
        "a reset in the middle",
        vec![post("content-length: 1", b""), Step::AwaitText("hello\r\n"), send("!"), Step::ReadToEnd],
        vec![Step::AwaitText("\r\n\r\n"), send(chunked), Step::AwaitText("!"), Step::Reset],
    )
    .await;
    check(
        "a reset without an answer",
        vec![send(GET), Step::ReadToEnd],
        vec![Step::AwaitText("\r\n\r\n"), Step::Reset],
    )
    .await;
    check("an end without an answer", vec![send(GET), Step::ReadToEnd], vec![Step::AwaitText("\r\n\r\n")]).await;
    check("the client resets", with(&[Step::Reset]), vec![Step::AwaitText("\r\n\r\n"), send(chunked), Step::ReadToEnd])
        .await;
    check(
        "the client leaves in its request",
        vec![post("content-length: 9", b"half")],
        vec![Step::AwaitText("half"), Step::ReadToEnd],
    )
    .await;
    check(
        "the client resets in its request",
        vec![post("content-length: 9", b"half"), Step::AwaitText("100 Continue\r\n\r\n"), Step::Reset],
        vec![Step::AwaitText("half"), send("HTTP/1.1 100 Continue\r\n\r\n"), Step::ReadToEnd],
    )
    .await;
    check(
        "idle, the server ends",
        vec![send(GET), Step::AwaitText("hi"), Step::ReadToEnd],
        vec![Step::AwaitText("\r\n\r\n"), send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer() {
    for garbage in [
        "garbage\r\n\r\nmore",
        "HTTP/1.1 200 O",
        "\0\u{1}\u{2}",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nabc",
    ] {
        check(garbage, vec![send(GET), Step::ReadToEnd], vec![Step::AwaitText("\r\n\r\n"), send(garbage)]).await;
    }
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(300 << 10));
    let scene = (vec![send(GET), Step::ReadToEnd], vec![Step::AwaitText("\r\n\r\n"), send(&long)]);
    let scene = crate::peers::Scene { client: scene.0, server: scene.1, piece: 10_000 };
    assert_eq!(scene.play(Some(rollout_trace_capture::Tap::closed())).await, scene.play(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_protocols() {
    let upgrade = GET.replace("X-One: 1", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc");
    check(
        "upgraded",
        vec![
            send(&upgrade),
            Step::AwaitText("\r\n\r\n"),
            send("\u{1}ping GET / HTTP/1.1\r\n\r\n"),
            Step::AwaitText("pong"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
            Step::AwaitText("ping GET / HTTP/1.1\r\n\r\n"),
            send("HTTP/1.1 pong"),
            Step::ReadToEnd,
        ],
    )
    .await;
    check(
        "not upgraded, and another request",
        vec![
            send(&upgrade),
            Step::AwaitText("no"),
            send(GET),
            Step::AwaitText("yes"),
            Step::HalfClose,
            Step::ReadToEnd,
        ],
        vec![
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 400 No\r\ncontent-length: 2\r\n\r\nno"),
            Step::AwaitText("\r\n\r\n"),
            send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nyes"),
            Step::ReadToEnd,
        ],
    )
    .await;
}
