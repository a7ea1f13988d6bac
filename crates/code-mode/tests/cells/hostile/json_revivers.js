try { JSON.parse("[1,[2,[3]]]", function (k, v) { this.x = this; return this }) } catch {}
JSON.stringify({ a: 1 }, () => { for (;;); });
