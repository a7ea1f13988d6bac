//! Measures how long a cell goes on after its termination, in loops and in built-in functions on inputs as large as the limits allow.
//!
//!     cargo run --release -p rollout-trace-code-mode --example stop_times

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::time::{Duration, Instant};

use rollout_trace_code_mode::{CellLimits, CodeModeSession, ExecuteRequest, WaitRequest};

/// What runs, and the script; all of them never end by themselves, or only after long.
const SCRIPTS: &[(&str, &str)] = &[
    ("empty loop", "for (;;);"),
    ("try and finally", "for (;;) { try { for (;;); } catch {} finally { for (;;); } }"),
    ("regular expression", "/(a+)+$/.exec('a'.repeat(60) + 'b')"),
    ("microtasks", "(async () => { for (;;) await 0; })(); await new Promise(() => {})"),
    ("waits for ever", "await new Promise((done) => setTimeout(done, 1e9))"),
    (
        "sort in a loop",
        "const a = Array.from({ length: 3e5 }, (_, i) => 'k' + (i * 7919) % 3e5); for (;;) a.toSorted();",
    ),
    (
        "one large sort",
        "const a = Array.from({ length: 8e5 }, (_, i) => 'k' + (i * 7919) % 8e5); text('go'); a.sort(); for (;;);",
    ),
    ("repeat in a loop", "for (;;) 'x'.repeat(3e7);"),
    ("JSON in a loop", "const a = Array.from({ length: 3e5 }, (_, i) => ({ i })); for (;;) JSON.stringify(a);"),
    ("large BigInt product", "const n = (1n << 500000n) - 1n; for (;;) n * n;"),
    ("one BigInt product", "const n = (1n << 500000n) - 1n; text('go'); n * n; for (;;) text(1), exit();"),
    ("one BigInt quotient", "const n = (1n << 1000000n) - 1n, m = (1n << 500000n) - 1n; text('go'); n / m; exit();"),
    ("BigInt power", "for (;;) 3n ** 600000n;"),
    ("large BigInt as text", "const n = (1n << 1000000n) - 1n; text('go'); String(n); for (;;);"),
    ("compare strings", "const a = 'x'.repeat(2e7) + 'a', b = 'x'.repeat(2e7) + 'b'; a[0]; b[0]; for (;;) a < b;"),
    ("indexOf", "const a = 'a'.repeat(2e7), b = 'a'.repeat(1e4) + 'b'; text('go'); a.indexOf(b); for (;;);"),
    ("split and join", "const a = 'a,'.repeat(5e5); for (;;) a.split(',').join(';');"),
    ("replaceAll", "const a = 'ab'.repeat(5e6); for (;;) a.replaceAll('a', 'cc');"),
    ("fill", "const a = new Uint8Array(5e7); for (;;) a.fill(1);"),
    ("array of 2^32 length", "const a = []; a.length = 4294967295; text('go'); a.indexOf(1); for (;;);"),
    ("join of 2^32 length", "const a = []; a.length = 4294967295; text('go'); a.join(''); for (;;);"),
    ("reverse of 2^32 length", "const a = []; a.length = 4294967295; text('go'); a.reverse(); for (;;);"),
    ("array-like of 2^24 length", "for (;;) Array.prototype.indexOf.call({ length: 2 ** 24 - 1 }, 1);"),
    (
        "fill of 2^53 length",
        "text('go'); Array.prototype.fill.call(new Proxy({ length: 2 ** 53 - 1 }, {}), 1); for (;;);",
    ),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let only = std::env::args().nth(1).unwrap_or_default();
    println!("{:<28} {:>14} {:>14}", "script", "answered (ms)", "thread gone (ms)");
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
        let begun = Instant::now();
        let first = session.execute(request).await?;
        let ran = begun.elapsed().as_millis();
        let start = Instant::now();
        let last = session.wait(WaitRequest::terminate(cell_id)).await;
        let answered = start.elapsed().as_millis();
        let left = session.shutdown().await;
        let gone = if left == 0 { start.elapsed().as_millis().to_string() } else { "not in 5 s".to_owned() };
        let note = if format!("{first:?}").contains("Yielded") {
            String::new()
        } else {
            format!("ended by itself after {ran} ms: {first:?} {last:?}")
        };
        println!("{name:<28} {answered:>14} {gone:>14} {note}");
    }
    std::process::exit(0)
}
