const p = new Proxy({}, { getPrototypeOf: () => p });
try { p instanceof Array } catch {}
const q = new Proxy(Object.create(null), {});
try { Object.setPrototypeOf(Object.getPrototypeOf(q) ?? {}, q) } catch {}
for (const key in p) text(key);
Object.prototype.isPrototypeOf.call({}, p);
