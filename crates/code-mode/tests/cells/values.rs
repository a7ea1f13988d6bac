//! Stored values, and realms that a script has spoiled.

use insta::assert_snapshot;
use rollout_trace_code_mode::CellLimits;

use crate::support::{Run, block_on, ran, ran_within};

#[test]
fn values_go_from_cell_to_cell() {
    let drawn = block_on(async {
        let mut run = Run::new();
        run.execute("store('list', [1, { a: 'ü' }]); store('gone', 1); text(load('list')); text(load('nothing'))")
            .await;
        run.execute(
            "const list = load('list'); list.push(2); text(load('list')); store('list', list); store('gone', null)",
        )
        .await;
        run.execute("text(load('list')); text(load('gone')); store('other', 1); throw new Error('after')").await;
        run.execute("text(load('other'))").await;
        run.drawn
    });
    assert_snapshot!(drawn, @r#"
    text: [1,{"a":"ü"}]
    text: undefined
    stored gone: 1
    stored list: [1,{"a":"ü"}]
    done
    text: [1,{"a":"ü"}]
    stored gone: null
    stored list: [1,{"a":"ü"},2]
    done
    text: [1,{"a":"ü"},2]
    text: null
    stored other: 1
    failed: Error: after
        at <anonymous> (cell:1:70)
    text: 1
    done
    "#);
}

#[test]
fn keys_and_values_are_checked() {
    assert_snapshot!(ran("
        const refused = (...what) => { try { store(...what) } catch (error) { text(String(error)) } };
        refused();
        refused(1, 2);
        refused('a');
        refused('a', 1n);
        refused('a', () => 1);
        refused('a', 'x'.repeat(9e6));
        try { load({}) } catch (error) { text(String(error)) }
    "), @r"
    text: TypeError: store takes a string as its key
    text: TypeError: store takes a string as its key
    text: TypeError: the value to store is undefined, which JSON does not have
    text: TypeError: the value to store cannot be made JSON: TypeError: BigInt are forbidden in JSON.stringify
    text: TypeError: the value to store is a function, which JSON does not have
    text: RangeError: the value to store has 9000002 bytes as JSON, there is room for 8388607
    text: TypeError: load takes a string as its key
    done
    ");
    let limits = CellLimits { stored_bytes: 100, ..CellLimits::default() };
    assert_snapshot!(ran_within(limits, "for (let i = 0; ; i++) { store('same', i); store('k' + i, 'xxxxxxxxxxxxxxxx') }")
        .lines().last().unwrap(), @"    at <anonymous> (cell:1:56)");
}

#[test]
fn a_spoiled_realm_spoils_nothing_else() {
    let spoil = "
        Object.prototype.x = 1;
        Object.prototype.toJSON = () => 'polluted';
        Promise.prototype.then = () => { throw new Error('then') };
        Promise.resolve = Promise.reject = undefined;
        globalThis.Promise = null;
        JSON.stringify = JSON.parse = () => { throw new Error('json') };
        Array.prototype[Symbol.iterator] = () => { throw new Error('iterator') };
        Array.prototype.push = Function.prototype.call = Function.prototype.apply = undefined;
        String.prototype.toString = Symbol.prototype.toString = undefined;
        globalThis.text_before = text;
        globalThis.tools_before = tools;
        globalThis.tools = globalThis.ALL_TOOLS = globalThis.exit = null;
        Object.defineProperty(globalThis, 'text', { get() { throw new Error('text') } });
        text_before('still here');
        text_before(await tools_before.echo(1));
        text_before({ a: 1 });
        store('a', [1]);
        text_before(load('a'));
        Error.prototype.toString = () => { throw 1 };
        throw new Error('at the end');
    ";
    let drawn = block_on(async {
        let mut run = Run::new();
        run.execute(spoil).await;
        run.execute("text(JSON.stringify({})); text(({}).x); text(await tools.echo(2))").await;
        run.drawn
    });
    assert_snapshot!(drawn, @r#"
    call 1.1: echo 1
    text: still here
    text: 1
    text: "polluted"
    text: polluted
    stored a: "polluted"
    failed: Error: at the end
        at <anonymous> (cell:21:19)
    call 2.1: echo 2
    text: {}
    text: undefined
    text: 2
    done
    "#);
}

#[test]
fn a_global_object_that_cannot_grow() {
    assert_snapshot!(ran("
        Object.freeze(globalThis); Object.freeze(Object.prototype); Object.setPrototypeOf(globalThis, null);
        text(await tools.echo('frozen'));
    "), @r"
    failed: TypeError: object is not extensible
        at setPrototypeOf (native)
        at <anonymous> (cell:2:91)
    ");
    assert_snapshot!(ran("delete globalThis.tools; text(typeof tools)"), @r"
    text: undefined
    done
    ");
    assert_snapshot!(ran("
        Object.defineProperty(Object.prototype, 'then', { get() { throw new Error('then') } });
        try { text(await tools.echo({})) } catch (error) { text(String(error)) }
    "), @r"
    call 1.1: echo {}
    text: Error: then
    done
    ");
}
