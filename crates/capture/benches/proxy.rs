//! What the proxy costs: the time to the first byte, the throughput beside a bare connection in the same run, and the
//! memory while a large answer passes. Run it with `cargo bench -p rollout-trace-capture`.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rollout_trace_capture::{Proxy, Recording, Redact, Tap, Upstream};
use rollout_trace_recorder::ExecutionStatus;

/// The size of the large answer.
const ANSWER: usize = 100 << 20;
const ROUNDS: usize = 300;
const REQUEST_BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"q"}]}"#;

/// Starts a server that answers `/small` with one byte and anything else with the large answer.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for peer in listener.incoming() {
            let mut peer = peer.expect("a client");
            thread::spawn(move || {
                peer.set_nodelay(true).expect("an option");
                let block = vec![b'x'; 1 << 20];
                while let Some(is_small) = next_request(&mut peer) {
                    let length = if is_small { 1 } else { ANSWER };
                    let _ = write!(peer, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                    let mut left = length;
                    while left > 0 {
                        let part = left.min(block.len());
                        if peer.write_all(&block[..part]).is_err() {
                            return;
                        }
                        left -= part;
                    }
                }
            });
        }
    });
    address
}

fn next_request(peer: &mut TcpStream) -> Option<bool> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while !bytes.ends_with(REQUEST_BODY.as_bytes()) {
        match peer.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&piece[..length]),
        }
    }
    Some(bytes.windows(6).any(|window| window == b"/small"))
}

/// A client with one connection.
struct Client {
    peer: TcpStream,
    base: String,
    piece: Vec<u8>,
}

impl Client {
    fn new(address: SocketAddr, base: &str) -> Self {
        let peer = TcpStream::connect(address).expect("the port is open");
        peer.set_nodelay(true).expect("an option");
        Self { peer, base: base.to_owned(), piece: vec![0; 1 << 20] }
    }

    /// Asks, and returns how long the first byte of the answer takes, and the whole answer.
    fn ask(&mut self, path: &str, length: usize) -> (Duration, Duration) {
        let (host, base) = (self.peer.peer_addr().expect("an address"), &self.base);
        let head =
            format!("POST {base}{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", REQUEST_BODY.len());
        let start = Instant::now();
        self.peer.write_all(format!("{head}{REQUEST_BODY}").as_bytes()).expect("a server");
        let (mut first, mut came) = (None, 0);
        let wanted = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").len() + length;
        while came < wanted {
            came += self.peer.read(&mut self.piece).expect("an answer");
            first.get_or_insert_with(|| start.elapsed());
        }
        (first.expect("an answer has bytes"), start.elapsed())
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns the largest amount of memory that the process has had, in MiB, where the system says so.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? >> 10)
}

#[expect(clippy::print_stdout, reason = "a bench prints its figures")]
fn main() {
    let address = server();
    let root = tempfile::tempdir().expect("a folder");
    let (tap, feed) = Tap::open();
    let upstream = Upstream::parse("x", &format!("http://{address}")).expect("an address");
    let proxy = Proxy::start(vec![upstream], |_| None, tap).expect("a proxy");
    let recording = Recording::start(root.path(), Redact::Common, feed).expect("a bundle");
    let base = proxy.base_url("x").replace(&format!("http://{}", proxy.address()), "");
    let mut bare = Client::new(address, "");
    let mut passed = Client::new(proxy.address(), &base);
    let (mut bare_first, mut passed_first) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare_first.push(bare.ask("/small/messages", 1).0);
        passed_first.push(passed.ask("/small/messages", 1).0);
    }
    let (bare_first, passed_first) = (median(bare_first), median(passed_first));
    println!("first byte: {bare_first:?} bare, {passed_first:?} through the proxy (median of {ROUNDS})");
    let (mut bare_whole, mut unrecorded, mut recorded) = (Vec::new(), Vec::new(), Vec::new());
    let before = peak_memory();
    for _ in 0..5 {
        bare_whole.push(bare.ask("/large", ANSWER).1);
        unrecorded.push(passed.ask("/large", ANSWER).1);
    }
    let between = peak_memory();
    for _ in 0..2 {
        recorded.push(passed.ask("/large/messages", ANSWER).1);
    }
    let rate = |times: Vec<Duration>| (ANSWER as f64 / f64::from(1 << 20) / median(times).as_secs_f64()).round();
    println!(
        "100 MiB: {} MiB/s bare, {} MiB/s through the proxy, {} MiB/s if it is also copied for the recording",
        rate(bare_whole),
        rate(unrecorded),
        rate(recorded)
    );
    drop((bare, passed));
    proxy.stop(Duration::from_secs(1));
    let report = recording.finish(ExecutionStatus::Completed);
    println!(
        "peak memory: {before:?} MiB before, {between:?} MiB passing, {:?} MiB recording; {} recorded",
        peak_memory(),
        report.recorded
    );
}
