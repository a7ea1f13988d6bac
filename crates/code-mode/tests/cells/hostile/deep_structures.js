let o = null;
for (let i = 0; i < 2e5; i++) o = { o };
const arrays = [];
for (let i = 0, a = arrays; i < 2e5; i++) { a.push([]); a = a[0] }
for (const use of [text, (x) => store("x", x), tools.echo, JSON.stringify, (x) => throwIt(x)]) { try { await use(o) } catch {} try { await use(arrays) } catch {} }
function throwIt(x) { throw x }
throw o;
