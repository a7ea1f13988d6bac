class E extends Error { get message() { throw this } get stack() { throw this } get name() { throw this } toString() { throw this } }
throw new E();
