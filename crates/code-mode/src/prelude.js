// Runs before the script, in its realm. It takes what it needs before the script can change anything.
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
    // The error is made here so that it has the place of the call; the host fills in the message of a call that fails.
    // A call that cannot be made fails like any other: one too many is no end of all that are in flight.
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
  const names = tools.length === 0 ? "this cell has no tools" : "there are: " + tools.join(", ");
  define("tools", new ProxyClass(table, {
    get(table, name) {
      if (name in table) return table[name];
      // What the language itself asks of any object: whether to await it, how to print it.
      if (typeof name === "symbol" || name === "then" || name === "toJSON") return undefined;
      throw new ErrorClass("tools." + name + " is no tool; " + names);
    },
  }));

  // A microtask that throws is an error of the cell, as a promise that nobody awaits is.
  define("queueMicrotask", (job) => {
    if (typeof job !== "function") throw new TypeError("queueMicrotask takes a function");
    (async () => { await undefined; job(); })();
  });

  const absentObject = (name, instead) => {
    const refuse = () => { throw new ErrorClass(name + " is not there in a cell: " + instead); };
    define(name, new ProxyClass(create(null), {
      get: (_, key) => (typeof key === "symbol" || key === "then" ? undefined : refuse()),
      set: refuse, has: refuse, deleteProperty: refuse, ownKeys: refuse, defineProperty: refuse,
    }));
  };
  const absentFunction = (name, instead) => {
    const refuse = { [name]() { throw new ErrorClass(name + " is not there in a cell: " + instead); } }[name];
    define(name, new ProxyClass(function () {}, { apply: refuse, construct: refuse, get: refuse }));
  };
  const byTools = "the world is reached by tools only (await tools.<name>(argument); ALL_TOOLS lists them)";
  absentObject("console", "show values with text(value), or with notify(text) while the script runs");
  absentObject("process", byTools + ", and exit() ends the script");
  absentObject("Deno", byTools);
  absentObject("Bun", byTools);
  absentObject("localStorage", "keep values with store(key, value) and load(key)");
  absentFunction("require", "no modules; " + byTools);
  absentFunction("fetch", "no network; " + byTools);
  absentFunction("XMLHttpRequest", "no network; " + byTools);
  absentFunction("WebSocket", "no network; " + byTools);
  absentFunction("Worker", "no threads; many tool calls may be in flight at once: await Promise.all([...])");
  absentFunction("setInterval", "use setTimeout, once for each turn");
  absentFunction("setImmediate", "use setTimeout(callback, 0)");
  absentFunction("alert", "show values with text(value)");
  absentFunction("print", "show values with text(value)");
})
