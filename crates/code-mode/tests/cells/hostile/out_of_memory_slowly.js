let list = null;
for (;;) { try { list = { list, s: String(Math.random()) } } catch { await null } }
