const open = [];
for (let i = 0; i < 1e4; i++) { const g = (function* () { try { yield g } finally { for (;;) yield 1 } })(); g.next(); open.push(g) }
const agen = (async function* () { try { yield 1; await tools.never() } finally { for (;;) await 1 } })();
agen.next(); agen.next(); agen.return();
exit();
