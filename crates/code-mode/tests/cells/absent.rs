//! What a script does not find, and what it is told.

use insta::assert_snapshot;

use crate::support::ran;

/// The message of each expression's error.
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
    assert_snapshot!(ran("import fs from 'fs';\ntext(1)"), @"failed: ReferenceError: Error resolving module 'fs' from 'cell': a cell imports no modules: what is built into JavaScript is there, and `tools` reaches the world (see ALL_TOOLS)");
    assert_snapshot!(ran("export * from './other.js'"), @"failed: ReferenceError: Error resolving module './other.js' from 'cell': a cell imports no modules: what is built into JavaScript is there, and `tools` reaches the world (see ALL_TOOLS)");
    assert_snapshot!(refusals(&[
        "await import('node:fs')",
        "await eval(`import('fs')`)",
        "await new Function('return import(\"fs\")')()",
        "await import('./data.json', { with: { type: 'json' } })",
        "await import('cell')",
        "require('fs')",
    ]), @r#"
    await import('node:fs')
        text: Error resolving module 'node:fs' from 'cell': a cell imports no modules: what is built into JavaScript is there, and `tools` reaches the world (see ALL_TOOLS)
    done
    await eval(`import('fs')`)
        text: Error resolving module 'fs' from '<input>': a cell imports no modules: what is built into JavaScript is there, and `tools` reaches the world (see ALL_TOOLS)
    done
    await new Function('return import("fs")')()
        text: Error resolving module 'fs' from '<input>': a cell imports no modules: what is built into JavaScript is there, and `tools` reaches the world (see ALL_TOOLS)
    done
    await import('./data.json', { with: { type: 'json' } })
        text: Error resolving module './data.json' from 'cell': a cell imports no modules: what is built into JavaScript is there, and `tools` reaches the world (see ALL_TOOLS)
    done
    await import('cell')
        text: Error resolving module 'cell' from 'cell': a cell imports no modules: what is built into JavaScript is there, and `tools` reaches the world (see ALL_TOOLS)
    done
    require('fs')
        text: require is not there in a cell: no modules; the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them)
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
        text: fetch is not there in a cell: no network; the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    new XMLHttpRequest()
        text: XMLHttpRequest is not there in a cell: no network; the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    new WebSocket('wss://example.org')
        text: WebSocket is not there in a cell: no network; the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    process.env.HOME
        text: process is not there in a cell: the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    process.exit(1)
        text: process is not there in a cell: the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    globalThis.process.cwd()
        text: process is not there in a cell: the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    Deno.readTextFile('a')
        text: Deno is not there in a cell: the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them)
    done
    (0, eval)('process').argv
        text: process is not there in a cell: the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them), and exit() ends the script
    done
    new Worker('a.js')
        text: Worker is not there in a cell: no threads; many tool calls may be in flight at once: await Promise.all([...])
    done
    localStorage.getItem('a')
        text: localStorage is not there in a cell: keep values with store(key, value) and load(key)
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
        text: console is not there in a cell: show values with text(value), or with notify(text) while the script runs
    done
    console.error
        text: console is not there in a cell: show values with text(value), or with notify(text) while the script runs
    done
    print('a')
        text: print is not there in a cell: show values with text(value)
    done
    alert('a')
        text: alert is not there in a cell: show values with text(value)
    done
    setInterval(() => {}, 10)
        text: setInterval is not there in a cell: use setTimeout, once for each turn
    done
    setImmediate(() => {})
        text: setImmediate is not there in a cell: use setTimeout(callback, 0)
    done
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
        text: cannot block in this thread
    done
    ");
}

#[test]
fn their_names_are_free() {
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
fn nothing_of_the_engine_is_there() {
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
