const thenable = { then(resolve) { resolve(1) } };
async function f() {
  let list = null;
  try { for (;;) list = [list] } catch {}
  try { for (;;) list = { list } } catch {}
  return thenable;
}
const g = async () => { for await (const x of (async function* () { for (;;) yield f() })()) text(x) };
await Promise.allSettled([f(), g(), f()]);
await f();
