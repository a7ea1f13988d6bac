for (let i = 0; ; i++) { try { store("k" + i, "x".repeat(1e4)) } catch { load("k" + (i % 7)) } }
