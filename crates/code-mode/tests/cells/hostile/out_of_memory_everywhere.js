const keep = [];
const fill = () => { try { for (;;) keep.push(new Uint8Array(1e5)) } catch {} try { for (;;) keep.push({ keep }) } catch {} };
for (const use of [
  () => text({ a: keep.length }), () => store("k", keep.length), () => tools.echo({ n: 1 }), () => setTimeout(() => {}, 1),
  () => new Map([[1, 2]]), () => [..."abc"], () => `${keep.length}x`, () => eval("({ a: 1 })"), () => new Error("e"),
  () => "a-b".split("-"), () => /a(b)?/.exec("ab"), () => JSON.parse("{\"a\":[1]}"), () => Promise.resolve(1), () => Symbol("s"),
  () => (function* () { yield 1 })().next(), () => Object.assign({}, { a: 1, b: 2 }), () => 2n ** 200n, () => [3, 1, 2].sort(),
  () => class { static x = 1; #y = 2 }, () => new Proxy({}, {}), () => new Date(), () => notify("n"), () => load("k"),
]) {
  fill();
  try { use() } catch {}
  keep.length = keep.length >> 1;
}
fill();
await (async () => { await 1; throw new Error("last") })();
