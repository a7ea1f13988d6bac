async function f() { try { await f() } finally { await f() } }
await Promise.all([f(), f(), f()]);
