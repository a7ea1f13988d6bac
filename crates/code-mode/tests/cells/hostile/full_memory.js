let list = null;
try { for (;;) list = { list } } catch {}
for (let length = 0; length < 600;) try { list = { list, held: new Array(length).fill(1) } } catch { length++ }
const again = async () => { for (;;) try { await 1 } catch {} };
again();
for (const use of [
  () => { for (const x of [1, 2]) x() }, () => tools.echo(1), () => new Promise((done) => done(1)), () => Promise.reject(1),
  async function* () { try { yield await 1 } finally { await 2 } }, () => JSON.stringify([1]), () => new Error("e").stack,
]) for (let i = 0; i < 100; i++) try { use()?.next?.() } catch {}
for (;;) try { for (;;); } catch {}
