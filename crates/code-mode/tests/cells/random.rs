//! Scripts strung together from hostile pieces.

use proptest::prelude::*;
use rollout_trace_code_mode::CellLimits;

use crate::hostile::{self, survives};

/// Pieces of scripts. Each is a statement by itself; some leave names behind that others use.
const PIECES: &[&str] = &[
    "globalThis.o = globalThis.o ?? {};",
    "o.x = o;",
    "o = { o };",
    "o = [o, o];",
    "o = new Proxy(Object(o), {});",
    "o = Object(o)[Symbol.iterator];",
    "Object.prototype.toJSON = () => o;",
    "Object.prototype.then = (resolve) => resolve(1);",
    "Promise.prototype.then = undefined;",
    "Function.prototype.call = Function.prototype.apply = () => o;",
    "globalThis.Promise = class extends Promise {};",
    "Array.prototype[3] = 3; Array.prototype.length = 9;",
    "Error.prepareStackTrace = (error, frames) => { o = frames; throw 1 };",
    "Object.defineProperty(globalThis, 'tools', { get() { throw new Error('tools') } });",
    "Object.freeze(globalThis);",
    "text(o);",
    "text('x'.repeat(1e5));",
    "notify(o);",
    "image('data:,x');",
    "store('k', o);",
    "store('k', load('k'));",
    "tools.echo(o);",
    "tools.fail(o);",
    "await tools.echo(o);",
    "await tools.late(1);",
    "try { await tools.fail(1) } catch (error) { o = error }",
    "tools.never(1);",
    "await tools.never(1);",
    "yield_control();",
    "exit();",
    "setTimeout(exit, 5);",
    "setTimeout(() => { o = []; throw o }, 1);",
    "await new Promise((done) => setTimeout(done, 1));",
    "await new Promise(() => {});",
    "Promise.reject(o);",
    "queueMicrotask(() => { throw o });",
    "(async () => { for (;;) await 0 })();",
    "for (;;);",
    "try { for (;;); } finally { for (;;); }",
    "/(x+)+y/.test('x'.repeat(40));",
    "const f = () => f(); try { f() } catch (error) { o = error }",
    "(function g() { try { g() } finally { g() } })();",
    "(async function h() { await h() })();",
    "for (let all = []; ; ) all.push(all.concat(o));",
    "try { for (let all = []; ; ) all.push(new Uint8Array(1e6)) } catch (error) { o = error }",
    "try { for (let s = 'x'; ; ) s += s } catch (error) { o = error }",
    "try { new Array(4294967295).fill(0) } catch (error) { o = error }",
    "[].length = 4294967295;",
    "Array.from({ length: 1e5 }).sort();",
    "o = 3n ** 10000n;",
    "JSON.stringify(Array(1e5).fill({ a: 1 }));",
    "try { JSON.parse('['.repeat(1e5)) } catch (error) { o = error }",
    "try { eval('{'.repeat(1e5)) } catch (error) { o = error }",
    "try { eval('import(\"a\")').catch(() => 0) } catch (error) { o = error }",
    "await import('a');",
    "o = function* () { try { yield o } finally { yield* o() } };",
    "for (const x of o) break;",
    "new FinalizationRegistry(() => { throw o }).register({}, 1); o = null;",
    "o = new WeakRef({}); await null; o.deref();",
    "class A extends Array { constructor() { super(); throw new.target } } try { A.from([1]) } catch (error) { o = error }",
    "o = new Error('e', { cause: o }); o.stack = o;",
    "throw o;",
    "throw null;",
    "} catch {",
    "\u{0}",
    "\\u{110000}",
    "`${o}`;",
    "with (o) {}",
    "import 'a';",
    "export default o;",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn the_host_survives_any_of_them(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 1..9),
        wrapped in any::<bool>(),
        small in any::<bool>(),
    ) {
        let body = pieces.join("\n");
        // Wrapped, what one piece throws does not keep the others from running.
        let source = if wrapped {
            pieces.iter().map(|piece| format!("try {{ {piece} }} catch (error) {{ globalThis.o = error }}\n")).collect()
        } else {
            body
        };
        survives(&source, &source, if small { hostile::small() } else { CellLimits::default() });
    }
}
