for (const code of ["(", "[", "{", "x=>", "!", "-", "`${", "a?", "f(", "async()=>", "class A{static{", "if(1)", "a[", "new ", "...", "({a:"]) {
  try { eval(code.repeat(5e4)) } catch {}
  try { new Function(code.repeat(5e4)) } catch {}
}
try { eval("a" + ".b".repeat(1e5)) } catch {}
try { eval("1" + "+1".repeat(1e5)) } catch {}
try { eval("x=".repeat(1e5) + "1") } catch {}
