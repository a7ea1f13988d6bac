//! Functions that do not exist in a cell, and the errors that say so.

use insta::assert_snapshot;

use crate::support::ran;

/// Returns the error message of each expression.
fn refusals(expressions: &[&str]) -> String {
    let mut drawn = String::new();
    for expression in expressions {
        let ran = ran(&format!("try {{ {expression} }} catch (error) {{ text(error.message) }}"));
        drawn.push_str(&format!("{expression}\n    {ran}"));
    }
    drawn
}

#[test]
fn imports() {
    assert_snapshot!(ran("import fs from 'fs';\ntext(1)"), @"failed: ReferenceError: Error resolving module 'fs' from 'cell': a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)");
    assert_snapshot!(ran("export * from './other.js'"), @"failed: ReferenceError: Error resolving module './other.js' from 'cell': a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)");
    assert_snapshot!(refusals(&[
        "await import('node:fs')",
        "await eval(`import('fs')`)",
        "await new Function('return import(\"fs\")')()",
        "await import('./data.json', { with: { type: 'json' } })",
        "await import('cell')",
        "require('fs')",
    ]), @r#"
    await import('node:fs')
        text: Error resolving module 'node:fs' from 'cell': a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)
    done
    await eval(`import('fs')`)
        text: Error resolving module 'fs' from '<input>': a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)
    done
    await new Function('return import("fs")')()
        text: Error resolving module 'fs' from '<input>': a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)
    done
    await import('./data.json', { with: { type: 'json' } })
        text: Error resolving module './data.json' from 'cell': a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)
    done
    await import('cell')
        text: Error resolving module 'cell' from 'cell': a cell cannot import modules: use JavaScript's built-ins, and `tools` for the outside world (see ALL_TOOLS)
    done
    require('fs')
        text: require does not exist in a cell: there are no modules; only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    "#);
}

#[test]
fn network_and_system() {
    assert_snapshot!(refusals(&[
        "await fetch('https://example.org')",
        "new XMLHttpRequest()",
        "new WebSocket('wss://example.org')",
        "process.env.HOME",
        "process.exit(1)",
        "globalThis.process.cwd()",
        "Deno.readTextFile('a')",
        "(0, eval)('process').argv",
        "new Worker('a.js')",
        "localStorage.getItem('a')",
    ]), @r"
    await fetch('https://example.org')
        text: fetch does not exist in a cell: there is no network; only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    new XMLHttpRequest()
        text: XMLHttpRequest does not exist in a cell: there is no network; only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    new WebSocket('wss://example.org')
        text: WebSocket does not exist in a cell: there is no network; only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    process.env.HOME
        text: process does not exist in a cell: only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    process.exit(1)
        text: process does not exist in a cell: only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    globalThis.process.cwd()
        text: process does not exist in a cell: only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    Deno.readTextFile('a')
        text: Deno does not exist in a cell: only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    (0, eval)('process').argv
        text: process does not exist in a cell: only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    new Worker('a.js')
        text: Worker does not exist in a cell: there are no threads; to run many tool calls at once, await Promise.all([...])
    done
    localStorage.getItem('a')
        text: localStorage does not exist in a cell: keep values with store(key, value) and load(key)
    done
    ");
}

#[test]
fn console_and_timers() {
    assert_snapshot!(refusals(&[
        "console.log('a')",
        "console.error",
        "print('a')",
        "alert('a')",
        "setInterval(() => {}, 10)",
        "setImmediate(() => {})",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)",
    ]), @r"
    console.log('a')
        text: console does not exist in a cell: show values with text(value), or with notify(text) while the script runs
    done
    console.error
        text: console does not exist in a cell: show values with text(value), or with notify(text) while the script runs
    done
    print('a')
        text: print does not exist in a cell: show values with text(value)
    done
    alert('a')
        text: alert does not exist in a cell: show values with text(value)
    done
    setInterval(() => {}, 10)
        text: setInterval does not exist in a cell: call setTimeout again each time
    done
    setImmediate(() => {})
        text: setImmediate does not exist in a cell: use setTimeout(callback, 0)
    done
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        text: cannot block in this thread
    done
    ");
}

#[test]
fn a_script_may_define_these_names_itself() {
    assert_snapshot!(ran("const console = { log: text }; console.log(typeof process, typeof window);"), @r"
    text: object
    done
    ");
    assert_snapshot!(ran("globalThis.console = { log: text }; console.log('mine')"), @r"
    text: mine
    done
    ");
}

#[test]
fn the_engine_adds_no_other_globals() {
    let drawn = ran("
        const known = 'AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean DataView Date Error EvalError \
            Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array InternalError Iterator JSON Map Math NaN \
            Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set SharedArrayBuffer String Symbol SyntaxError \
            TypeError URIError Uint16Array Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet FinalizationRegistry \
            decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt \
            undefined unescape'.split(/ +/);
        text(Object.getOwnPropertyNames(globalThis).filter((name) => !known.includes(name)).sort().join(' '));
    ");
    assert_snapshot!(drawn, @r"
    text: ALL_TOOLS AsyncDisposableStack Bun DOMException Deno DisposableStack SuppressedError WebSocket Worker XMLHttpRequest alert atob btoa clearTimeout console exit fetch image load localStorage notify performance print process queueMicrotask require setImmediate setInterval setTimeout store text tools yield_control
    done
    ");
}
