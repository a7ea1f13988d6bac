//! Measures how long a cell goes on after its termination: in loops, and in loops around operations as slow as the limits allow.
//!
//!     cargo run --release -p rollout-trace-code-mode --example stop_times

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::time::{Duration, Instant};

use rollout_trace_code_mode::{CellLimits, CellResponse, CodeModeSession, ExecuteRequest, WaitOutcome, WaitRequest};

/// What runs, and the script; none of them ends by itself.
const SCRIPTS: &[(&str, &str)] = &[
    ("empty loop", "for (;;);"),
    ("try and finally", "for (;;) { try { for (;;); } catch {} finally { for (;;); } }"),
    ("regular expression", "/(a+)+$/.exec('a'.repeat(60) + 'b')"),
    ("microtasks", "(async () => { for (;;) await 0; })(); await new Promise(() => {})"),
    ("waits for ever", "await new Promise((done) => setTimeout(done, 1e9))"),
    ("sort", "const a = Array.from({ length: 2e5 }, (_, i) => 'k' + (i * 7919) % 2e5); for (;;) a.toSorted();"),
    ("sort of a typed array", "const a = new Uint32Array(5e6).map((_, i) => i * 2654435761); for (;;) a.toSorted();"),
    ("repeat", "for (;;) 'x'.repeat(3e7);"),
    ("JSON", "const a = Array.from({ length: 2e5 }, (_, i) => ({ i })); for (;;) JSON.parse(JSON.stringify(a));"),
    ("split and join", "const a = 'a,'.repeat(2e5); for (;;) a.split(',').join(';');"),
    ("replaceAll", "const a = 'ab'.repeat(2e5); for (;;) a.replaceAll('a', 'cc');"),
    ("replaceAll of 10 MB", "const a = 'ab'.repeat(5e6); for (;;) a.replaceAll('a', 'cc');"),
    ("fill", "const a = new Uint8Array(5e7); for (;;) a.fill(1);"),
    ("array-like of 2^24 length", "for (;;) Array.prototype.indexOf.call({ length: 2 ** 24 - 1 }, 1);"),
    ("array of 2^32 length", "const a = []; a.length = 4294967295; a.map((x) => x); for (;;);"),
    ("spread of an array", "const a = new Array(5e5).fill(1); for (;;) [...a];"),
    (
        "spread of an object",
        "const o = Object.fromEntries(Array.from({ length: 5e4 }, (_, i) => ['k' + i, i])); for (;;) ({ ...o });",
    ),
    ("large typed arrays", "for (;;) new Uint8Array(5e7);"),
    ("large maps", "const a = Array.from({ length: 1e5 }, (_, i) => [i, i]); for (;;) new Map(a);"),
    ("eval of 400 kB", "const code = '1;'.repeat(2e5); for (;;) eval(code);"),
    ("deep lists freed", "for (;;) { let o = null; for (let i = 0; i < 2e5; i++) o = { o }; }"),
    ("cycles collected", "for (;;) { const a = []; for (let i = 0; i < 1e5; i++) a.push({ a }); }"),
    (
        "compare 20 MB strings",
        "const a = 'x'.repeat(2e7) + 'a', b = 'x'.repeat(2e7) + 'b'; a[0]; b[0]; for (;;) a < b;",
    ),
    ("join 10 MB ropes", "const a = 'x'.repeat(1e7), b = 'y'.repeat(1e7); for (;;) (a + b)[0];"),
    ("search that nearly matches", "const a = 'a'.repeat(2e7), b = 'a'.repeat(1e4) + 'b'; for (;;) a.indexOf(b);"),
    ("BigInt sum, 1 million bits", "let n = 1n << 999999n; for (;;) n + 1n;"),
    ("BigInt product, 1 million bits", "const n = (1n << 499999n) - 1n; for (;;) n * n;"),
    ("BigInt as text, 1 million bits", "const n = (1n << 999999n) - 1n; for (;;) String(n);"),
];

/// How long the slowest are watched.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let only = std::env::args().nth(1).unwrap_or_default();
    println!("{:<32} {:>14} {:>18}", "script", "answered (ms)", "thread gone (ms)");
    for (name, source) in SCRIPTS.iter().filter(|(name, _)| name.contains(&only)) {
        let (session, _messages) = CodeModeSession::new(CellLimits::default());
        let cell_id = session.next_cell_id();
        let request = ExecuteRequest {
            cell_id: cell_id.clone(),
            tool_call_id: String::new(),
            enabled_tools: Vec::new(),
            source: (*source).to_owned(),
            stored_values: serde_json::Map::new(),
            yield_time: Some(Duration::from_millis(700)),
            max_output_tokens: None,
        };
        let first = session.execute(request).await?;
        let start = Instant::now();
        let last = session.wait(WaitRequest::terminate(cell_id)).await;
        let answered = start.elapsed().as_millis();
        let mut left = session.shutdown().await;
        while left > 0 && start.elapsed() < PATIENCE {
            left = session.shutdown().await;
        }
        let gone = if left == 0 { start.elapsed().as_millis().to_string() } else { format!("not in {PATIENCE:?}") };
        println!("{name:<32} {answered:>14} {gone:>18}");
        assert!(matches!(first, CellResponse::Yielded { .. }), "{name} ended by itself: {first:?}");
        assert!(matches!(last, WaitOutcome::Cell(CellResponse::Terminated { .. })), "{name}: {last:?}");
    }
    // Threads that are still at it end with the process.
    std::process::exit(0)
}
