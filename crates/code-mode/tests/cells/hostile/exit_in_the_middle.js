[5, 4, 3].sort((a, b) => { JSON.stringify({ toJSON() { "abc".replace(/b/g, () => { new Proxy({}, { get: () => exit() }).x }) } }) })
