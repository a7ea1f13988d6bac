for (;;) { try { text("x".repeat(1000)) } catch {} try { notify("n") } catch {} try { image("data:," + "x".repeat(1e5)) } catch {} yield_control(); }
