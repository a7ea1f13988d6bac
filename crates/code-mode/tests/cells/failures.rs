//! Errors in scripts, and their descriptions.

use insta::assert_snapshot;
use rollout_trace_code_mode::CellLimits;

use crate::support::{ran, ran_within};

#[test]
fn syntax_errors_have_their_place() {
    assert_snapshot!(ran("// @exec: {\"yield_time_ms\": 60000}\nconst a = 1;\nconst b = ;"), @r"
    failed: SyntaxError: unexpected token in expression: ';'
        at cell:3:11
    ");
    assert_snapshot!(ran("text(1"), @r"
    failed: SyntaxError: Unexpected end of input
        at cell:1:7
    ");
    assert_snapshot!(ran("text('ä'); let a; let a;"), @r"
    failed: SyntaxError: invalid redefinition of global identifier
        at cell:1:25
    ");
    assert_snapshot!(ran("eval('1 +')"), @r"
    failed: SyntaxError: unexpected token in expression: ''
        at <input>:1:4
        at eval (native)
        at <anonymous> (cell:1:1)
    ");
    assert_snapshot!(ran("text(1)\0"), @r"failed: SyntaxError: the script contains a NUL character; write it as the escape \0");
    assert_snapshot!(ran("return 1"), @r"
    failed: SyntaxError: return not in a function
        at cell:1:1
    ");
}

#[test]
fn thrown_errors_have_their_stack() {
    assert_snapshot!(ran("// @exec: {}\nfunction inner() {\n  throw new RangeError('too far');\n}\nfunction outer() { inner() }\ntext('before');\nouter();"), @r"
    text: before
    failed: RangeError: too far
        at inner (cell:3:13)
        at outer (cell:5:20)
        at <anonymous> (cell:7:1)
    ");
    assert_snapshot!(ran("const undefinedValue = undefined;\nundefinedValue.field"), @r"
    failed: TypeError: cannot read property 'field' of undefined
        at <anonymous> (cell:2:1)
    ");
    assert_snapshot!(ran("missing()"), @r"
    failed: ReferenceError: missing is not defined
        at <anonymous> (cell:1:1)
    ");
    assert_snapshot!(ran("class Own extends Error { name = 'Own' }\nthrow new Own('mine', { cause: new Error('the cause') })"), @r"
    failed: Own: mine
        at Own (cell:1:1)
        at <anonymous> (cell:2:36)
    caused by Error: the cause
        at <anonymous> (cell:2:36)
    ");
    assert_snapshot!(ran("await Promise.any([tools.fail(), Promise.reject(2)])"), @r"
    call 1.1: fail {}
    failed: AggregateError
        at <anonymous> (cell:1:41)
    caused by Error: it is broken
        at <anonymous> (cell:1:25)
    ");
}

#[test]
fn thrown_values_that_are_not_errors() {
    for (thrown, shown) in [
        ("'text'", "text"),
        ("null", "null"),
        ("undefined", "undefined"),
        ("{ a: 1 }", r#"{"a":1}"#),
        ("1n", "1"),
        ("Symbol('s')", "[a symbol]"),
        ("() => 1", "[a function]"),
        ("new Proxy({}, { get() { throw 1 } })", "a value of type proxy that cannot be shown"),
        ("{ a: 1n }", "a value of type object that cannot be shown"),
    ] {
        assert_eq!(ran(&format!("throw {thrown}")), format!("failed: thrown: {shown}\n"), "{thrown}");
    }
}

#[test]
fn errors_that_resist_being_described() {
    assert_snapshot!(ran("throw Object.defineProperty(new Error('a'), 'message', { get() { throw new Error('b') } })"), @r"
    failed: Error
        at <anonymous> (cell:1:33)
    ");
    assert_snapshot!(ran("throw Object.assign(new Error('a'), { stack: 'made up', name: Symbol() })"), @r"
    failed: Error: a
    made up
    ");
    assert_snapshot!(ran("Error.prepareStackTrace = () => { throw 1 }; throw new Error('a')"), @r"
    failed: Error: a
    null
    ");
    assert_snapshot!(ran("Error.stackTraceLimit = 1e9; (function deep(n) { if (n > 0) deep(n - 1); else throw new Error('a') })(2)"), @r"
    failed: Error: a
        at deep (cell:1:89)
        at deep (cell:1:69)
        at deep (cell:1:69)
        at <anonymous> (cell:1:99)
    ");
}

#[test]
fn memory_and_recursion_are_limited() {
    assert_snapshot!(ran("const all = []; for (;;) all.push('x'.repeat(1000) + all.length)"), @r"
    failed: InternalError: out of memory: the script keeps too much, or one text, array or buffer is too large
        at <anonymous> (cell:1:38)
    ");
    assert_snapshot!(ran("new Uint8Array(1e9)"), @r"
    failed: InternalError: out of memory: the script keeps too much, or one text, array or buffer is too large
        at <anonymous> (cell:1:5)
    ");
    assert_snapshot!(ran("'x'.repeat(1e9)"), @r"
    failed: InternalError: out of memory: the script keeps too much, or one text, array or buffer is too large
        at <anonymous> (cell:1:4)
    ");
    assert_snapshot!(ran("const f = () => f() + 1; f()").lines().next().unwrap(), @"failed: RangeError: Maximum call stack size exceeded");
    assert_snapshot!(ran("const f = async () => await f(); await f()").lines().next().unwrap(), @"failed: RangeError: Maximum call stack size exceeded");
    assert_snapshot!(ran("JSON.parse('['.repeat(1e6))").lines().next().unwrap(), @"failed: RangeError: Maximum call stack size exceeded");
    assert_snapshot!(ran("eval('('.repeat(1e6))").lines().next().unwrap(), @"failed: RangeError: Maximum call stack size exceeded");
    assert_snapshot!(ran("let a = []; for (let i = 0; i < 1e5; i++) a = [a]; text(a)").lines().next().unwrap(), @"failed: TypeError: the value cannot be converted to JSON: RangeError: Maximum call stack size exceeded");
    // A script can catch both errors and go on.
    assert_snapshot!(ran("try { (function f() { f() })() } catch { text('deep') } try { new Uint8Array(1e9) } catch { text('large') }"), @r"
    text: deep
    text: large
    done
    ");
}

#[test]
fn a_script_without_memory_says_so() {
    let small = CellLimits { memory_bytes: 6 << 20, ..CellLimits::default() };
    for script in [
        "let o = {}; for (;;) o = { o }",
        "const all = []; for (;;) all.push(() => all)",
        "const all = []; (() => { for (;;) all.push({}) })()",
        "const all = []; await (async () => { for (;;) all.push([{}]) })()",
        "const all = []; setTimeout(() => { for (;;) all.push([all.length]) }, 1); await new Promise(() => {})",
        "const all = []; Promise.resolve().then(() => { for (;;) all.push({ x: [1] }) }); await new Promise((r) => setTimeout(r, 1))",
        "const all = new Map(); for (;;) all.set(all.size, { size: all.size })",
        "await Promise.all(Array.from({ length: 1e6 }, (_, i) => new Promise((r) => setTimeout(r, i))))",
        "let all = []; try { for (;;) all.push({}) } catch { all = null } throw new Error('later')",
        "class A { #x = new Array(50).fill(0) } const all = []; for (;;) all.push(new A())",
    ] {
        let said = ran_within(small.clone(), script);
        assert!(said.starts_with("failed: ") && said.contains("out of memory"), "{script}\n{said}");
    }
    // A script that makes do with what it gets has not failed.
    assert_snapshot!(ran_within(small, "try { new Uint8Array(1e9) } catch (error) { text(error.message) }"), @r"
    text: out of memory
    done
    ");
}

#[test]
fn limits_are_those_of_the_session() {
    let small = CellLimits { memory_bytes: 4 << 20, stack_bytes: 64 << 10, ..CellLimits::default() };
    assert_snapshot!(ran_within(small.clone(), "new Uint8Array(5e6)"), @r"
    failed: InternalError: out of memory: the script keeps too much, or one text, array or buffer is too large
        at <anonymous> (cell:1:5)
    ");
    let depth = "let depth = 0; try { (function f() { depth++; f() })() } catch {} text(depth > 5 && depth < 2000)";
    assert_snapshot!(ran_within(small, depth), @r"
    text: true
    done
    ");
    let narrow = CellLimits { block_bytes: 1 << 20, ..CellLimits::default() };
    let blocks = "
        const pieces = Array.from({ length: 20 }, (_, i) => String(i).repeat(2e5));
        text(pieces.length);
        const whole = pieces.join('');
    ";
    assert_snapshot!(ran_within(narrow, blocks), @r"
    text: 20
    failed: InternalError: out of memory: the script keeps too much, or one text, array or buffer is too large
        at <anonymous> (cell:4:30)
    ");
    let none = CellLimits { memory_bytes: 1 << 10, ..CellLimits::default() };
    assert_snapshot!(ran_within(none, "1"), @"failed: the engine did not start: 1024 bytes of memory are too few");
}

#[test]
fn unhandled_rejections_are_reported() {
    assert_snapshot!(ran("tools.fail(); text('goes on')"), @r"
    call 1.1: fail {}
    text: goes on
    failed: a promise was rejected and never handled: Error: it is broken
        at <anonymous> (cell:1:6)
    ");
    assert_snapshot!(ran("Promise.reject('first'); Promise.reject('second')"), @"failed: a promise was rejected and never handled: thrown: first");
    assert_snapshot!(ran("queueMicrotask(() => { throw new Error('in a microtask') })"), @r"
    failed: a promise was rejected and never handled: Error: in a microtask
        at <anonymous> (cell:1:34)
    ");
    assert_snapshot!(ran("setTimeout(() => { throw new Error('in a timer') }); await tools.late(1)"), @r"
    call 1.1: late 1
    failed: Error: in a timer
        at <anonymous> (cell:1:30)
    ");
    assert_snapshot!(ran("const e = new Error('a'); e.cause = e; throw e"), @r"
    failed: Error: a
        at <anonymous> (cell:1:15)
    caused by Error: a
        at <anonymous> (cell:1:15)
    caused by Error: a
        at <anonymous> (cell:1:15)
    caused by Error: a
        at <anonymous> (cell:1:15)
    ");
    // A rejection may be handled late.
    assert_snapshot!(ran("const p = Promise.reject(1); await null; await null; await p.catch((e) => text(e))"), @r"
    text: 1
    done
    ");
}
