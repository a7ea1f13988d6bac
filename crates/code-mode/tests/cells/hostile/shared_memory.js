const shared = new SharedArrayBuffer(1e6);
const view = new Int32Array(shared);
try { Atomics.wait(view, 0, 0) } catch {}
for (;;) Atomics.add(view, 0, 1);
