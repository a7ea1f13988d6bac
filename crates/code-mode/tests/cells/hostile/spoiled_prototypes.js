const { getOwnPropertyNames, getPrototypeOf, defineProperty } = Object;
const say = text;
for (const proto of [Promise.prototype, Error.prototype, Function.prototype, String.prototype, Array.prototype, Object.prototype]) {
  for (const key of getOwnPropertyNames(proto)) { try { defineProperty(proto, key, { get() { throw proto }, configurable: true }) } catch {} }
}
say("still");
throw new Error("end");
