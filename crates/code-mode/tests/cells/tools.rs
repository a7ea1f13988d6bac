//! Tool calls of a script.

use insta::assert_snapshot;

use crate::support::{ran, ran_within};
use rollout_trace_code_mode::CellLimits;

#[test]
fn a_tool_call_returns_a_promise() {
    assert_snapshot!(ran("const promise = tools.echo({ a: [1, null, 'ü'] }); text(promise instanceof Promise); text(await promise);"), @r#"
    call 1.1: echo {"a":[1,null,"ü"]}
    text: true
    text: {"a":[1,null,"ü"]}
    done
    "#);
}

#[test]
fn many_calls_are_in_flight_at_once() {
    assert_snapshot!(ran("
        const answers = await Promise.all([tools.late(1), tools.echo(2), tools.late(3)]);
        text(answers);
    "), @r"
    call 1.1: late 1
    call 1.2: echo 2
    call 1.3: late 3
    text: [1,2,3]
    done
    ");
}

#[test]
fn a_failed_call_rejects_with_an_error() {
    assert_snapshot!(ran("
        try { await tools.fail({}) } catch (error) { text([error instanceof Error, error.name, error.message]) }
        await tools.fail('again');
    "), @r#"
    call 1.1: fail {}
    call 1.2: fail "again"
    text: [true,"Error","it is broken"]
    failed: Error: it is broken
        at <anonymous> (cell:3:21)
    "#);
}

#[test]
fn names_and_namespaces() {
    assert_snapshot!(ran("
        text(ALL_TOOLS.map((tool) => tool.name));
        text(ALL_TOOLS[4]);
        await tools.mcp__files__read_file({ path: 'a' });
    "), @r#"
    call 1.1: mcp__files read-file {"path":"a"}
    text: ["echo","fail","never","late","mcp__files__read_file"]
    text: {"name":"mcp__files__read_file","description":"Reads."}
    done
    "#);
}

#[test]
fn the_error_for_an_unknown_tool_names_the_known_ones() {
    assert_snapshot!(ran("await tools.ehco(1)"), @r"
    failed: Error: tools.ehco does not exist; the tools are echo, fail, never, late, mcp__files__read_file
        at <anonymous> (cell:1:7)
    ");
    assert_snapshot!(ran("text(['echo' in tools, 'ehco' in tools, Object.keys(tools).length])"), @r"
    text: [true,false,5]
    done
    ");
}

#[test]
fn arguments_that_json_cannot_represent() {
    assert_snapshot!(ran("
        const refused = async (what) => { try { await tools.echo(what) } catch (error) { text(String(error)) } };
        await refused(1n);
        await refused({ deep: [2n] });
        await refused(() => 1);
        await refused(Symbol('s'));
        const cycle = {}; cycle.cycle = cycle;
        await refused(cycle);
        await refused('x'.repeat(9e6));
        let deep = []; for (let i = 0; i < 200; i++) deep = [deep];
        await refused(deep);
        await refused({ get bad() { throw new Error('a getter') } });
    "), @r"
    text: TypeError: the argument of tools.echo cannot be converted to JSON: TypeError: BigInt are forbidden in JSON.stringify
    text: TypeError: the argument of tools.echo cannot be converted to JSON: TypeError: BigInt are forbidden in JSON.stringify
    text: TypeError: the argument of tools.echo is a function, which JSON cannot represent
    text: TypeError: the argument of tools.echo is a symbol, which JSON cannot represent
    text: TypeError: the argument of tools.echo cannot be converted to JSON: TypeError: circular reference
    text: RangeError: the argument of tools.echo has 9000002 bytes as JSON, but there is room for only 8388608
    text: RangeError: the argument of tools.echo is nested deeper than 127 levels
    text: TypeError: the argument of tools.echo cannot be converted to JSON: Error: a getter
    done
    ");
}

#[test]
fn arguments_are_converted_to_json() {
    assert_snapshot!(ran(r"
        await tools.echo();
        await tools.echo(undefined);
        await tools.echo(null);
        await tools.echo({ gone: undefined, f() {}, date: new Date(0), list: [undefined, NaN, -0, 1e21], map: new Map([[1, 2]]) });
        await tools.echo('\ud800 \u{1f600} \\ud800 \0');
        await tools.echo({ '\udfff': ['\ud83d', '\\', '\\\ud800'] });
        text(await tools.echo(9007199254740993));
    "), @r#"
    call 1.1: echo {}
    call 1.2: echo {}
    call 1.3: echo null
    call 1.4: echo {"date":"1970-01-01T00:00:00.000Z","list":[null,null,0,1e+21],"map":{}}
    call 1.5: echo "� 😀 \\ud800 \u0000"
    call 1.6: echo {"�":["�","\\","\\�"]}
    call 1.7: echo 9007199254740992
    text: 9007199254740992
    done
    "#);
}

#[test]
fn calls_without_await_are_waited_for() {
    assert_snapshot!(ran("tools.late(1).then((answer) => text(answer)); text('first')"), @r"
    call 1.1: late 1
    text: first
    text: 1
    done
    ");
}

#[test]
fn an_error_ends_a_cell_with_calls_in_flight() {
    assert_snapshot!(ran("tools.never(); await Promise.all([tools.never(), tools.fail()])"), @r"
    call 1.1: never {}
    call 1.2: never {}
    call 1.3: fail {}
    failed: Error: it is broken
        at <anonymous> (cell:1:55)
    ");
}

#[test]
fn calls_in_flight_are_limited() {
    let limits = CellLimits { tool_calls_in_flight: 2, ..CellLimits::default() };
    assert_snapshot!(ran_within(limits, "
        await Promise.all([tools.late(1), tools.late(2)]);
        await Promise.all([tools.never(3), tools.never(4), tools.never(5)]);
    "), @r"
    call 1.1: late 1
    call 1.2: late 2
    call 1.3: never 3
    call 1.4: never 4
    failed: RangeError: 2 tool calls are in flight, which is the limit: await some of them first
        at <anonymous> (cell:3:66)
    ");
}

#[test]
fn a_call_that_cannot_be_made_returns_a_rejected_promise() {
    let limits = CellLimits { tool_calls_in_flight: 1, argument_bytes: 10, ..CellLimits::default() };
    assert_snapshot!(ran_within(limits, "
        text(await tools.echo('longer than this').catch((error) => String(error)));
        const ends = await Promise.allSettled([tools.late(1), tools.late(2)]);
        text(ends.map((end) => end.value ?? String(end.reason)));
        text(await tools.echo(3));
    "), @r#"
    call 1.1: late 1
    call 1.2: echo 3
    text: RangeError: the argument of tools.echo has 18 bytes as JSON, but there is room for only 10
    text: [1,"RangeError: 1 tool calls are in flight, which is the limit: await some of them first"]
    text: 3
    done
    "#);
}

#[test]
fn an_answer_that_does_not_fit() {
    // The answer is short as JSON and large as values.
    let source = "
        const all = new Array(60000).fill({ a: 1 });
        try { await tools.echo(all) } catch (error) { text(error) }
        text(await tools.echo('the cell goes on'));
    ";
    let small = CellLimits { memory_bytes: 4 << 20, ..CellLimits::default() };
    let drawn = ran_within(small, source);
    let shown: Vec<&str> = drawn.lines().filter(|line| !line.starts_with("call ")).collect();
    assert_snapshot!(shown.join("\n"), @r"
    text: Error: the answer does not fit into the cell, whose limits are 4194304 bytes for all values together and 16777216 bytes for one text: ask for less
        at <anonymous> (cell:3:32)
    text: the cell goes on
    done
    ");
}
