class E extends Error { get message() { return (function f() { return f() })() } get stack() { for (;;); } }
throw new E();
