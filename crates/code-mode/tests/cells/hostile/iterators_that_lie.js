const liar = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: liar }), return() { for (;;) liar.x } }) };
try { const [a, b] = liar } catch {}
try { new Map(liar) } catch {}
for (const x of liar) { try { new Set(liar) } catch {} }
