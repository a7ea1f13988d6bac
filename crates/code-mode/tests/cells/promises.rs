//! The end of a cell: promises, timers, `exit()`.

use insta::assert_snapshot;
use rollout_trace_code_mode::CellLimits;

use crate::support::{ran, ran_within};

#[test]
fn a_promise_that_nothing_settles_is_an_error() {
    assert_snapshot!(ran("text('before'); await new Promise(() => {}); text('after')"), @r"
    text: before
    failed: the script awaits a promise that can no longer be settled: no tool call is in flight and no timer is pending. Await the promises that tools return, and resolve every promise that you create. (A promise is also lost if memory ran out while it was being settled.)
    ");
    assert_snapshot!(ran("let resolve; const p = new Promise((r) => (resolve = r)); clearTimeout(setTimeout(resolve, 1)); await p"), @"failed: the script awaits a promise that can no longer be settled: no tool call is in flight and no timer is pending. Await the promises that tools return, and resolve every promise that you create. (A promise is also lost if memory ran out while it was being settled.)");
}

#[test]
fn timers() {
    assert_snapshot!(ran("
        const order = [];
        const at = (ms, name) => new Promise((done) => setTimeout((...rest) => { order.push(name + rest); done() }, ms, 1, 2));
        await Promise.all([at(30, 'c'), at(0, 'a'), at(10, 'b'), at(-5, 'a2'), at('x', 'a3'), at(NaN, 'a4')]);
        text(order);
    "), @r#"
    text: ["a1,2","a21,2","a31,2","a41,2","b1,2","c1,2"]
    done
    "#);
    assert_snapshot!(ran("
        const timer = setTimeout(() => text('never'), 5);
        clearTimeout(timer); clearTimeout(timer); clearTimeout(); clearTimeout('x'); clearTimeout(-1); clearTimeout(1e300);
        await new Promise((done) => setTimeout(done, 20));
        text(typeof timer);
    "), @r"
    text: number
    done
    ");
    assert_snapshot!(ran("setTimeout('text(1)', 1)"), @r"
    failed: TypeError: setTimeout() takes a function and a number of milliseconds
        at <anonymous> (cell:1:1)
    ");
    assert_snapshot!(ran("for (;;) setTimeout(() => {}, 1000)"), @r"
    failed: RangeError: 1000 timers are pending, which is the limit: await some of them first
        at <anonymous> (cell:1:9)
    ");
}

#[test]
fn a_pending_timer_alone_does_not_keep_a_cell_alive() {
    assert_snapshot!(ran("setTimeout(() => text('never'), 3600000); text('end')"), @r"
    text: end
    done
    ");
}

#[test]
fn microtasks_run_to_their_end() {
    assert_snapshot!(ran("(async () => { for (let i = 0; i < 3; i++) { await null; text(i) } })(); text('end of the module')"), @r"
    text: end of the module
    text: 0
    text: 1
    text: 2
    done
    ");
}

#[test]
fn exit_ends_a_cell_successfully() {
    assert_snapshot!(ran("text('a'); store('k', 1); exit(); text('b')"), @r"
    text: a
    stored k: 1
    done
    ");
    assert_snapshot!(ran("try { exit() } catch { text('caught') } finally { text('finally') }"), @"done");
    assert_snapshot!(ran("tools.never(); await Promise.all([1].map(async () => { await null; exit() })); text('b')"), @r"
    call 1.1: never {}
    done
    ");
    assert_snapshot!(ran("[3, 1].sort(() => exit()); text('b')"), @"done");
    assert_snapshot!(ran("setTimeout(exit, 1); await new Promise(() => {})"), @"done");
    assert_snapshot!(ran("class A { static { exit() } } text('b')"), @"done");
    assert_snapshot!(ran("function* g() { try { exit() } finally { text('b') } } for (const x of g()) text('c')"), @"done");
}

#[test]
fn yield_control_returns_the_output_so_far() {
    assert_snapshot!(ran("text('a'); yield_control(); await new Promise((done) => setTimeout(done, 3000)); text('b')"), @r"
    text: a
    yielded
    ");
}

#[test]
fn timers_are_limited() {
    let limits = CellLimits { timers: 2, ..CellLimits::default() };
    assert_snapshot!(ran_within(limits, "setTimeout(exit, 1000); setTimeout(exit, 1000); setTimeout(exit, 1000)"), @r"
    failed: RangeError: 2 timers are pending, which is the limit: await some of them first
        at <anonymous> (cell:1:60)
    ");
}
