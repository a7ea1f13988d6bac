const liar = new Proxy({}, { get: (t, key) => (key === "length" ? 2 ** 53 : liar), has: () => true, ownKeys: () => ["a", "b", "a"], getPrototypeOf: () => liar });
for (const use of [text, tools.echo, (x) => store("k", x), image, notify, JSON.stringify, Object.keys, (x) => x instanceof Array, String]) { try { await use(liar) } catch {} }
throw liar;
