let f = () => 0;
for (let i = 0; i < 1e5; i++) { const g = f; f = () => g() }
try { f() } catch {}
let p = Promise.resolve();
for (let i = 0; i < 1e5; i++) p = p.then(() => p);
let proxy = {};
for (let i = 0; i < 1e5; i++) proxy = new Proxy(proxy, {});
try { proxy.x } catch {}
let bound = () => 1;
for (let i = 0; i < 1e5; i++) bound = bound.bind(null);
try { bound() } catch {}
let proto = {};
for (let i = 0; i < 1e5; i++) proto = Object.create(proto);
proto.x;
