async function* g(n) { try { for (;;) { yield n; yield* g(n + 1) } } finally { await null; yield 1 } }
for await (const x of g(0)) { if (x > 1e6) break }
