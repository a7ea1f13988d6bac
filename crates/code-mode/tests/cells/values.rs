//! Stored values, and scripts that overwrite their realm.

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
    text: TypeError: store() takes a string as its key
    text: TypeError: store() takes a string as its key
    text: TypeError: the value to store is undefined, which JSON cannot represent
    text: TypeError: the value to store cannot be converted to JSON: TypeError: BigInt are forbidden in JSON.stringify
    text: TypeError: the value to store is a function, which JSON cannot represent
    text: RangeError: the value to store has 9000002 bytes as JSON, but there is room for only 8388607
    text: TypeError: load() takes a string as its key
    done
    ");
    let limits = CellLimits { stored_bytes: 100, ..CellLimits::default() };
    assert_snapshot!(ran_within(limits, "for (let i = 0; ; i++) { store('same', i); store('k' + i, 'xxxxxxxxxxxxxxxx') }")
        .lines().last().unwrap(), @"    at <anonymous> (cell:1:56)");
}

#[test]
fn an_overwritten_realm_affects_no_other_cell() {
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

#[test]
fn guarded_searches_follow_the_language() {
    // The text is longer than what the guards leave alone, and is searched in every way that the language offers.
    assert_snapshot!(ran("
        const s = 'ab\u{1f600}-'.repeat(400), object = { toString: () => 'b\u{1f600}' };
        const lone = s + '\\ud83d';
        text([s.indexOf('-a'), s.indexOf('-a', 5), s.indexOf(object, 9), s.indexOf('') , s.indexOf('', 1e9), s.indexOf('zz')]);
        text([s.lastIndexOf('-a'), s.lastIndexOf('-a', 9), s.lastIndexOf(object), s.lastIndexOf('a', -1), lone.lastIndexOf('\\ud83d')]);
        text([s.includes('-a', 1990), s.includes('-a', 1999), s.includes(object), s.includes()]);
        text([s.split('-').length, s.split('-', 2), s.split().length, s.split(/-/).length, s.split(undefined, 0).length]);
        text([s.replace('-', '[$&$$]').length, s.replace('b', (found, at) => found + at).slice(0, 6), s.replaceAll('-a', '').length]);
        text(s.replace({ [Symbol.replace]: (text, by) => text.length + by }, '!'));
        text(s.replaceAll(/a/g, 'aa').length);
        text(String.prototype.indexOf.call({ toString: () => s }, '-a') + String.prototype.indexOf.call(12345, 34));
        for (const f of [() => s.includes(/a/), () => s.indexOf(Symbol()), () => String.prototype.split.call(null, 'a')])
            try { f() } catch (error) { text(error.message) }
    "), @r#"
    text: [4,9,11,0,2000,-1]
    text: [1994,9,1996,0,2000]
    text: [true,false,true,false]
    text: [401,["ab😀","ab😀"],1,401,0]
    text: [2003,"ab1😀-",1202]
    text: 2000!
    text: 2400
    text: 6
    text: regexp not supported
    text: cannot convert symbol to string
    text: cannot convert to object
    done
    "#);
}

#[test]
fn guarded_searches_agree_with_regular_expressions() {
    // Regular expressions do not use the guards' own search.
    assert_snapshot!(ran("
        const show = text, same = (what, found, expected) => { if (found !== expected) show(what + ': ' + found + ' is not ' + expected) };
        const numbers = Array.from({ length: 1.6e5 }, (_, i) => i + ',').join('');
        const line = 'aaaaaaaaab'.repeat(7);
        for (const at of [65467]) {
            const text = numbers.slice(0, at) + line + line + numbers.slice(at, 131000) + line + numbers + 'aa\u{1f600}' + line;
            const parts = [line, line + 'b', 'a\u{1f600}' + line, text.slice(65530, 67000), text.slice(65530, 67000) + 'x', text.slice(-2000)];
            for (const part of parts) {
                const every = [];
                for (let at = -1, pattern = new RegExp(part, 'y'); ;) {
                    at = text.slice(at + 1).search(new RegExp(part)) + at + 1;
                    if (every.at(-1) === at || (pattern.lastIndex = at, !pattern.test(text))) break;
                    every.push(at);
                }
                for (const from of [undefined, '65468', 65536.9, -3, Infinity]) {
                    const start = Math.max(Math.trunc(Number(from)) || 0, 0);
                    same('indexOf', text.indexOf(part, from), every.find((at) => at >= start) ?? -1);
                    same('includes', text.includes(part, from), every.some((at) => at >= start));
                    const end = Number.isNaN(Number(from)) ? Infinity : start;
                    same('lastIndexOf', text.lastIndexOf(part, from), every.findLast((at) => at <= end) ?? -1);
                }
                for (const limit of [undefined, 0, 2])
                    same('split', text.split(part, limit).join(), text.split(new RegExp(part), limit).join());
                for (const by of ['', 'x$$y[$&]$1$<a>$', (found, at) => '$&' + at + found.length]) {
                    same('replace', text.replace(part, by), text.replace(new RegExp(part), by));
                    same('replaceAll', text.replaceAll(part, by), text.replaceAll(new RegExp(part, 'g'), by));
                }
                same('before', text.replace(part, '$`|').length, text.replace(new RegExp(part), '$`|').length);
                same('after', text.replace(part, `|$'`).length, text.replace(new RegExp(part), `|$'`).length);
            }
            show([text.length * line.length > 2 ** 26, text.split(line).length, text.lastIndexOf(line + line), text.includes(line + 'b')]);
        }
    "), @r"
    text: [true,5,65467,false]
    done
    ");
}
