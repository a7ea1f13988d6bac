//! The termination of cells.

use std::{fs, time::Duration};

use insta::assert_snapshot;
use rollout_trace_code_mode::{CellResponse, ExecuteRequest, WaitOutcome, WaitRequest};
use serde_json::json;

use tokio::time::timeout;

use crate::support::{HANG, Run, all_gone, block_on};

/// Runs a script that shows `begun` and then never ends, terminates it, and returns the drawing.
fn stopped(source: &str) -> String {
    block_on(async {
        let mut run = Run::new();
        let response = run.start(run.request(&format!("text('begun'); yield_control(); {source}"))).await;
        let CellResponse::Yielded { cell_id, .. } = response else { panic!("{source}: {response:?}") };
        // Gives the script time to reach the point where it stays.
        tokio::time::sleep(Duration::from_millis(30)).await;
        let outcome = run.wait(WaitRequest::terminate(cell_id.clone())).await;
        assert!(matches!(outcome, WaitOutcome::Cell(CellResponse::Terminated { .. })), "{source}: {outcome:?}");
        run.wait(WaitRequest::new(cell_id)).await;
        all_gone(&run).await;
        run.drawn
    })
}

#[test]
fn a_cell_can_be_terminated_anywhere() {
    for source in [
        "for (;;);",
        "while (true) { try { while (true); } catch { for (;;); } finally { for (;;); } }",
        "const f = () => { try { f() } finally { f() } }; f()",
        "/(a+)+$/.exec('a'.repeat(60) + 'b')",
        "'a'.repeat(60).concat('b').replace(/(a|a)+$/g, 'x')",
        "const again = () => Promise.resolve().then(again); await again()",
        "for (;;) await null",
        "const job = () => queueMicrotask(job); job(); await new Promise(() => {})",
        "const tick = () => setTimeout(tick, 0); tick(); await new Promise(() => {})",
        "await tools.never()",
        "tools.never()",
        "await new Promise((done) => setTimeout(done, 1e9))",
        "await { then() { for (;;); } }",
        "function* g() { try { for (;;) yield 1 } finally { for (;;); } } for (const x of g()) ;",
        "async function* g() { try { for (;;) yield 1 } finally { for (;;) await 1 } } for await (const x of g()) ;",
        "const o = { get x() { for (;;); } }; text(o)",
        "throw { toJSON() { for (;;); } }",
        "throw Object.defineProperty(new Error(), 'stack', { get() { for (;;); } })",
        "tools.echo({ toJSON() { for (;;); } })",
        "new Proxy({}, { get() { for (;;); } }).x",
        "[1, 2].sort(() => { for (;;); })",
        "const s = 'a'.repeat(1e6), part = 'a'.repeat(1e5) + 'b'; s.indexOf(part)",
        "const s = 'a'.repeat(1e6), part = 'b' + 'a'.repeat(1e5); s.replaceAll(part, 'c') + s.split('a'.repeat(1e5) + 'b')",
        "for (;;) eval('1')",
        "const code = '1;'.repeat(1e5); for (;;) try { eval(code) } catch {}",
        "eval('for (;;);')",
        "new Function('for (;;);')()",
        "for (;;) Array.from({ length: 1e5 }, (_, i) => i).sort().join().split(',')",
        "const s = JSON.stringify(Array.from({ length: 5e4 }, (_, i) => ({ i }))); for (;;) { try { JSON.parse(s) } catch {} }",
        "for (;;) 'x'.repeat(1e7)",
        "class A { static { for (;;); } }",
        "label: for (;;) { try { continue label } finally { continue label } }",
    ] {
        let drawn = stopped(source);
        let ends: Vec<&str> = drawn.lines().filter(|line| !line.starts_with("call ")).collect();
        assert_eq!(ends, ["text: begun", "yielded", "terminated", "no cell 1"], "{source}");
    }
}

#[test]
fn the_output_of_a_terminated_cell_is_not_lost() {
    let drawn =
        stopped("text('shown before the end'); store('k', 1); try { for (;;); } finally { text('shown after') }");
    // The output is in the first or in the last response.
    let ends: Vec<&str> = drawn.lines().filter(|line| *line != "yielded").collect();
    assert_eq!(ends, ["text: begun", "text: shown before the end", "terminated", "no cell 1"]);
}

#[test]
fn terminating_a_cell_that_has_ended_returns_its_result() {
    let drawn = block_on(async {
        let mut run = Run::new();
        let CellResponse::Yielded { cell_id, .. } =
            run.execute("const call = tools.never(); yield_control(); await call; text('ended')").await
        else {
            panic!("the cell yields");
        };
        // An answer fails once the thread has ended.
        while run.session.answer(&cell_id, &"1.1".into(), Ok(json!(1))) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.wait(WaitRequest::terminate(cell_id.clone())).await;
        run.wait(WaitRequest::terminate(cell_id)).await;
        run.drawn
    });
    assert_snapshot!(drawn, @r"
    call 1.1: never {}
    yielded
    text: ended
    done
    no cell 1
    ");
}

/// There are ten thousand steps between two interrupts of the engine. That many of the steps below would take several
/// times as long as the test waits.
#[test]
fn a_cell_can_be_terminated_within_slow_steps() {
    for (number, step) in [
        "(1n << 499999n) * one",
        "[...many]",
        "(long + long)[0]",
        "`${long}${long}` === ''",
        "new Map(pairs)",
        "const [first, ...rest] = many",
    ]
    .into_iter()
    .enumerate()
    {
        block_on(async {
            let mut run = Run::new();
            let source = format!(
                "const one = (1n << 499999n) - 1n, many = new Array(3e5).fill(1), long = 'x'.repeat(6e6);
                const pairs = Array.from({{ length: 1e5 }}, (_, i) => [i, i]);
                yield_control();
                for (;;) try {{ {step} }} catch {{}}"
            );
            let name = format!("steps-{number}");
            let request = ExecuteRequest { cell_id: name.as_str().into(), ..run.request(&source) };
            let CellResponse::Yielded { cell_id, .. } = run.start(request).await else {
                panic!("{step}: the cell yields")
            };
            run.wait(WaitRequest::terminate(cell_id)).await;
            // At the lowest priority the thread gets hardly any time on a busy machine, so its processor time counts.
            let gone = async {
                while run.session.shutdown().await > 0 {
                    let took = processor_time(&format!("cell-{name}"));
                    assert!(took.is_none_or(|took| took < HANG), "{step}: {took:?}");
                }
            };
            timeout(10 * HANG, gone).await.expect("the thread ends");
        });
    }
}

/// A script that fills its memory to the last byte, down to the smallest object.
const FULL: &str = "
    let list = null;
    try { for (;;) list = { list } } catch {}
    for (let length = 0; length < 600;) try { list = { list, held: new Array(length).fill(1) } } catch { length++ }
";

#[test]
fn a_cell_can_be_terminated_without_free_memory() {
    for end in ["yield_control(); for (;;) try { for (;;); } catch {}", "for (;;) try { exit() } catch {}"] {
        block_on(async {
            let mut run = Run::new();
            if let CellResponse::Yielded { cell_id, .. } = run.execute(&format!("{FULL} {end}")).await {
                run.wait(WaitRequest::terminate(cell_id)).await;
            }
            all_gone(&run).await;
        });
    }
}

/// Steps that need no memory and that the engine cannot interrupt: ten thousand of them take minutes.
const UNINTERRUPTIBLE: &str = "const s = ' '.repeat(8e6); yield_control(); for (;;) +s;";

/// Returns the status fields of the thread with this name, from the third field on.
fn thread_fields(name: &str) -> Option<Vec<String>> {
    let mut threads = fs::read_dir("/proc/self/task").ok()?.filter_map(|thread| {
        // The threads of other tests may end in the meantime.
        let stat = fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(") ")?;
        // The name is the second field.
        before.ends_with(&format!("({name}")).then(|| after.split(' ').map(str::to_owned).collect())
    });
    threads.next()
}

/// Returns the nice value of the thread with this name.
fn nice_value(name: &str) -> Option<i32> {
    thread_fields(name)?.get(16)?.parse().ok()
}

/// Returns the processor time of the thread with this name, from fields 14 and 15 in hundredths of a second.
fn processor_time(name: &str) -> Option<Duration> {
    let fields = thread_fields(name)?;
    let hundredths = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (hundredths(11)? + hundredths(12)?)))
}

#[test]
fn a_termination_does_not_wait_for_the_engine() {
    block_on(async {
        let mut run = Run::new();
        let request = ExecuteRequest { cell_id: "busy".into(), ..run.request(UNINTERRUPTIBLE) };
        let CellResponse::Yielded { cell_id, .. } = run.start(request).await else { panic!("the cell yields") };
        let terminated = run.wait(WaitRequest::terminate(cell_id.clone()));
        timeout(HANG, terminated).await.expect("it does not wait for the engine, which takes minutes");
        // The thread is still there.
        assert_eq!(nice_value("cell-busy"), cfg!(target_os = "linux").then_some(19));
        run.wait(WaitRequest::new(cell_id)).await;
        run.execute("text('the session goes on')").await;
        assert_snapshot!(run.drawn, @r"
        yielded
        terminated
        no cell busy
        text: the session goes on
        done
        ");
    });
}
