const again = () => Promise.resolve().then(again);
again();
for (;;) await null;
