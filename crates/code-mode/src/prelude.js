// Runs in the script's realm, before the script, and keeps the built-in functions that it needs before the script can
// change them.
(function (call, tools) {
  "use strict";
  const { defineProperty, create, freeze } = Object;
  const ErrorClass = Error;
  const ProxyClass = Proxy;
  const PromiseClass = Promise;
  const define = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  const table = create(null);
  for (let index = 0; index < tools.length; index++) {
    // The error is made here so that its stack shows the place of the call; if the call fails, the host fills in the
    // message. A call that cannot be made also returns a rejected promise: an exception would end the calls that are
    // already in flight.
    table[tools[index]] = { [tools[index]]: (argument) => {
      const failure = new ErrorClass();
      try {
        return call(index, argument, failure);
      } catch (error) {
        return new PromiseClass((_, reject) => reject(error));
      }
    } }[tools[index]];
  }
  freeze(table);
  const names = tools.length === 0 ? "this cell has no tools" : "the tools are " + tools.join(", ");
  define("tools", new ProxyClass(table, {
    get(table, name) {
      if (name in table) return table[name];
      // The language itself reads these from any object, to find out whether to await it or how to print it.
      if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
      throw new ErrorClass("tools." + name + " does not exist; " + names);
    },
  }));

  // A microtask that throws fails the cell, like a rejected promise that nobody awaits.
  define("queueMicrotask", (job) => {
    if (typeof job !== "function") throw new TypeError("queueMicrotask takes a function");
    (async () => { await undefined; job(); })();
  });

  const absentObject = (name, instead) => {
    const refuse = () => { throw new ErrorClass(name + " does not exist in a cell: " + instead); };
    define(name, new ProxyClass(create(null), {
      get: (_, key) => (typeof key === "symbol" || key === "then" ? undefined : refuse()),
      set: refuse, has: refuse, deleteProperty: refuse, ownKeys: refuse, defineProperty: refuse,
    }));
  };
  const absentFunction = (name, instead) => {
    const refuse = { [name]() { throw new ErrorClass(name + " does not exist in a cell: " + instead); } }[name];
    define(name, new ProxyClass(function () {}, { apply: refuse, construct: refuse, get: refuse }));
  };
  const byTools = "only tools reach the outside world (await tools.<name>(argument); ALL_TOOLS lists them)";
  absentObject("console", "show values with text(value), or with notify(text) while the script runs");
  absentObject("process", byTools + ", and exit() ends the script");
  absentObject("Deno", byTools);
  absentObject("Bun", byTools);
  absentObject("localStorage", "keep values with store(key, value) and load(key)");
  absentFunction("require", "there are no modules; " + byTools);
  absentFunction("fetch", "there is no network; " + byTools);
  absentFunction("XMLHttpRequest", "there is no network; " + byTools);
  absentFunction("WebSocket", "there is no network; " + byTools);
  absentFunction("Worker", "there are no threads; to run many tool calls at once, await Promise.all([...])");
  absentFunction("setInterval", "call setTimeout again each time");
  absentFunction("setImmediate", "use setTimeout(callback, 0)");
  absentFunction("alert", "show values with text(value)");
  absentFunction("print", "show values with text(value)");
})
