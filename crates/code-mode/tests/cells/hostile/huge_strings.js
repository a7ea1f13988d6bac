try { for (let s = "x"; ; ) s += s } catch {}
try { "x".repeat(2 ** 30) } catch {}
try { "x".padEnd(2 ** 31) } catch {}
try { [..."x".repeat(1e7)] } catch {}
try { "x".repeat(1e7).replaceAll("x", "yy".repeat(100)) } catch {}
text("x".repeat(1e7));
