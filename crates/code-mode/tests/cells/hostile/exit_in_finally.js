try { exit() } finally { for (;;) { try { text("still") } catch {} } }
