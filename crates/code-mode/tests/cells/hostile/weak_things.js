const map = new WeakMap(), set = new WeakSet(), refs = [];
for (let i = 0; i < 1e5; i++) { const key = {}; map.set(key, { key, map }); set.add(key); refs.push(new WeakRef(key)) }
await null; refs.map((ref) => ref.deref());
