//! Measures how long a cell keeps running after its termination, in plain loops and in loops around the slowest
//! operations that the limits allow.
//!
//!     cargo run --release -p rollout-trace-code-mode --example stop_times

#![expect(clippy::print_stdout, reason = "the example prints its results")]

use std::time::{Duration, Instant};

use rollout_trace_code_mode::{CellLimits, CellResponse, CodeModeSession, ExecuteRequest, WaitOutcome, WaitRequest};

/// A name and a script, for scripts that never end by themselves.
const SCRIPTS: &[(&str, &str)] = &[
    ("empty loop", "for (;;);"),
    ("try and finally", "for (;;) { try { for (;;); } catch {} finally { for (;;); } }"),
    ("regular expression", "/(a+)+$/.exec('a'.repeat(60) + 'b')"),
    ("microtasks", "(async () => { for (;;) await 0; })(); await new Promise(() => {})"),
    ("waits forever", "await new Promise((done) => setTimeout(done, 1e9))"),
    ("sort", "const a = Array.from({ length: 2e5 }, (_, i) => 'k' + (i * 7919) % 2e5); for (;;) a.toSorted();"),
    ("sort of a typed array", "const a = new Uint32Array(3e6).map((_, i) => i * 2654435761); for (;;) a.toSorted();"),
    ("repeat", "for (;;) 'x'.repeat(1e7);"),
    ("JSON", "const a = Array.from({ length: 2e5 }, (_, i) => ({ i })); for (;;) JSON.parse(JSON.stringify(a));"),
    ("split and join", "const a = 'a,'.repeat(2e5); for (;;) a.split(',').join(';');"),
    ("replaceAll", "const a = 'ab'.repeat(2e5); for (;;) a.replaceAll('a', 'cc');"),
    ("replaceAll of 10 MB", "const a = 'ab'.repeat(5e6); for (;;) a.replaceAll('a', 'c');"),
    ("fill", "const a = new Uint8Array(1e7); for (;;) a.fill(1);"),
    ("array-like of 2^24 length", "for (;;) Array.prototype.indexOf.call({ length: 2 ** 24 - 1 }, 1);"),
    ("array of 2^32 length", "const a = []; a.length = 4294967295; a.map((x) => x); for (;;);"),
    ("spread of an array", "const a = new Array(5e5).fill(1); for (;;) try { [...a] } catch {}"),
    (
        "spread of an object",
        "const o = {}; for (let i = 0; i < 5e4; i++) o['k' + i] = i; for (;;) try { ({ ...o }) } catch {}",
    ),
    (
        "for-in",
        "const o = {}; for (let i = 0; i < 5e4; i++) o['k' + i] = i; for (;;) try { for (const k in o) break } catch {}",
    ),
    (
        "proxy of 100,000 keys",
        "const k = Array.from({ length: 1e5 }, (_, i) => 'k' + i), p = new Proxy({}, { ownKeys: () => k });
        for (;;) try { ({ ...p }) } catch {}",
    ),
    ("destructuring", "const a = new Array(5e5).fill(1); for (;;) try { const [x, ...y] = a } catch {}"),
    ("arguments", "const a = new Array(6e4).fill(1), f = () => 0; for (;;) try { f(...a); f.apply(null, a) } catch {}"),
    ("large typed arrays", "for (;;) try { new Uint8Array(1e7) } catch {}"),
    ("large maps", "const a = Array.from({ length: 1e5 }, (_, i) => [i, i]); for (;;) try { new Map(a) } catch {}"),
    ("eval of 400 kB", "const code = '1;'.repeat(2e5); for (;;) try { eval(code) } catch {}"),
    ("eval of a comment of 4 MB", "const code = '/*' + ' '.repeat(4e6); for (;;) try { eval(code) } catch {}"),
    ("Function of 400 kB", "const code = '1;'.repeat(2e5); for (;;) try { Function(code) } catch {}"),
    ("regular expression of 200 kB", "const code = '(a|b)*'.repeat(3e4); for (;;) try { new RegExp(code) } catch {}"),
    ("regular expression in 10 MB", "const a = 'a'.repeat(1e7); for (;;) /b/.test(a);"),
    ("deep lists freed", "for (;;) { let o = null; for (let i = 0; i < 2e5; i++) o = { o }; }"),
    ("cycles collected", "for (;;) { const a = []; for (let i = 0; i < 1e5; i++) a.push({ a }); }"),
    ("ropes of 10 MB", "const a = 'x'.repeat(5e6); for (;;) try { (a + a)[0] } catch {}"),
    ("template literals", "const a = 'x'.repeat(5e6); for (;;) try { `${a}-${a}` } catch {}"),
    ("new keys of 4 MB", "const a = 'x'.repeat(4e6), o = {}; for (let i = 0; ; i++) try { o[a + i] } catch {}"),
    (
        "classes with keys of 4 MB",
        "const a = 'x'.repeat(4e6); for (let i = 0; ; i++) try { class A { [a + i]() {} } } catch {}",
    ),
    ("errors in deep calls", "const f = (n) => { if (n > 0) f(n - 1); for (;;) try { null.x } catch {} }; f(2000)"),
    ("async iteration", "const a = new Array(1e5).fill(1); for (;;) try { for await (const x of a) await x } catch {}"),
    ("BigInt sum, 1 million bits", "let n = 1n << 999999n; for (;;) try { n + 1n } catch {}"),
    ("BigInt product, 1 million bits", "const n = (1n << 499999n) - 1n; for (;;) try { n * n } catch {}"),
    ("BigInt as text, 1 million bits", "const n = (1n << 999999n) - 1n; for (;;) try { String(n) } catch {}"),
    (
        "BigInt and text of 300 kB",
        "const n = (1n << 999999n) - 1n, s = '1'.repeat(3e5); for (;;) try { n == s; BigInt(s) } catch {}",
    ),
    ("comparing BigInts", "const a = 1n << 999999n, b = a + 1n; for (;;) a < b;"),
    ("search that nearly matches", "const a = 'a'.repeat(1e6), b = 'a'.repeat(4e3) + 'b'; for (;;) a.indexOf(b);"),
    ("Map with keys of 1 MB", "const a = 'x'.repeat(1e6), m = new Map([[1, 1]]); for (;;) m.get(a);"),
    ("Map with keys of 10 MB", "const a = 'x'.repeat(1e7), m = new Map([[1, 1]]); for (;;) m.get(a);"),
    ("comparing texts of 1 MB", "const a = 'x'.repeat(1e6), b = a + 'b', c = a + 'c'; b[0]; c[0]; for (;;) b < c;"),
    ("comparing texts of 10 MB", "const a = 'x'.repeat(1e7), b = a + 'b', c = a + 'c'; b[0]; c[0]; for (;;) b < c;"),
    (
        "comparing texts of 5 MB, 16 bit",
        "const a = '\u{263a}'.repeat(5e6), b = a + 'b', c = a + 'c'; b[0]; c[0]; for (;;) b < c;",
    ),
    ("number of 1 MB of blanks", "const a = ' '.repeat(1e6); a[0]; for (;;) +a;"),
    ("number of 10 MB of blanks", "const a = ' '.repeat(1e7); a[0]; for (;;) +a;"),
    ("chain of 20,000 prototypes", "let o = {}; for (let i = 0; i < 2e4; i++) o = Object.create(o); for (;;) o.x;"),
    (
        "chain of prototypes, memory full",
        "let o = {}; const a = []; try { for (;;) { o = Object.create(o); a.push(o) } } catch {} o = a.at(-9); for (;;) o.x;",
    ),
    (
        "length of an array with 200,000 keys",
        "const a = []; for (let i = 0; i < 2e5; i++) a['k' + i] = i; a[4e9] = 1; for (;;) { a.length = 5; a.length = 4e9; }",
    ),
    (
        "sort of 1,000 texts of 1 MB",
        "const t = 'x'.repeat(1e6), b = t + 'b', c = t + 'c'; b[0]; c[0];
        const a = Array.from({ length: 1000 }, (_, i) => (i % 2 ? b : c)); for (;;) a.toSorted();",
    ),
];

/// How long to wait for the slowest scripts.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let only = std::env::args().nth(1).unwrap_or_default();
    println!("{:<38} {:>14} {:>18}", "script", "answered (ms)", "thread gone (ms)");
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
        println!("{name:<38} {answered:>14} {gone:>18}");
        assert!(matches!(first, CellResponse::Yielded { .. }), "{name} ended by itself: {first:?}");
        assert!(matches!(last, WaitOutcome::Cell(CellResponse::Terminated { .. })), "{name}: {last:?}");
    }
    // Threads that are still running end with the process.
    std::process::exit(0)
}
