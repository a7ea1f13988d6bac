try { new RegExp("(?:".repeat(1e5) + ")".repeat(1e5)) } catch {}
try { new RegExp("(a)".repeat(1e4) + "\\1".repeat(1e4)).exec("a".repeat(1e5)) } catch {}
new RegExp("(?=".repeat(500) + "a" + ")".repeat(500)).exec("a".repeat(1e6))
