for (const use of ["sort", "join", "reverse", "fill", "indexOf", "concat", "slice", "splice", "flat", "toSorted", "includes", "shift", "unshift"]) {
  const a = []; a.length = 4294967295;
  try { a[use](1) } catch {}
  try { Array.prototype[use].call({ length: 2 ** 53 - 1 }, 1) } catch {}
}
try { Array.from({ length: 2 ** 32 }) } catch {}
try { new Array(4294967295).map((x) => x) } catch {}
try { Array.apply(null, { length: 1e6 }) } catch {}
try { Math.max(...new Array(1e6).fill(1)) } catch {}
