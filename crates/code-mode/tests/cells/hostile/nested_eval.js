const code = "eval(code)"; try { eval(code) } catch {}
(0, eval)("globalThis.f = () => (0, eval)(\"f()\")"); try { f() } catch {}
new Function("for (;;) new Function(`return 1`)()")();
