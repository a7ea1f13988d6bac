for (const x of [NaN, 8.64e15, -8.64e15, 1e300, "x".repeat(1e6), {}, Symbol.iterator]) { try { text(String(new Date(x))) } catch {} try { Date.parse(x) } catch {} }
