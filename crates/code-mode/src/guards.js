// Runs before the script, after the prelude. The engine asks for interruption once in ten thousand steps, and a call of a built-in
// function is one step however long it takes: a loop around one would go on for minutes after its end. So the functions whose time
// grows with their input ask on each call.
(function (check, longest) {
  "use strict";
  const { defineProperty, getOwnPropertyDescriptor } = Object;
  const { apply } = Reflect;
  const RangeErrorClass = RangeError;

  const replace = (owner, key, wrap) => {
    const property = getOwnPropertyDescriptor(owner, key);
    if (property === undefined || typeof property.value !== "function") return;
    const original = property.value;
    const value = wrap(original);
    defineProperty(value, "name", { value: original.name, configurable: true });
    defineProperty(value, "length", { value: original.length, configurable: true });
    defineProperty(owner, key, { ...property, value });
  };
  // Methods, so that they are no constructors, as the originals are none.
  const guarded = (original) => ({ method(...rest) { check(); return apply(original, this, rest); } }).method;
  const guardedArray = (original) => ({ method(...rest) {
    check();
    if (this !== null && typeof this === "object" && this.length > longest) {
      throw new RangeErrorClass("arrays longer than " + longest + " are not supported here, this one has length " + this.length);
    }
    return apply(original, this, rest);
  } }).method;
  const all = (owner, keys, wrap = guarded) => keys.split(" ").forEach((key) => replace(owner, key, wrap));

  all(Array.prototype, "concat copyWithin fill flat includes indexOf join lastIndexOf reverse shift slice sort splice toLocaleString " +
    "toReversed toSorted toSpliced unshift with", guardedArray);
  all(Array, "from");
  all(String.prototype, "concat endsWith includes indexOf isWellFormed lastIndexOf localeCompare match matchAll normalize padEnd " +
    "padStart repeat replace replaceAll search slice split startsWith substr substring toLocaleLowerCase toLocaleUpperCase " +
    "toLowerCase toUpperCase toWellFormed trim trimEnd trimStart");
  all(Object.getPrototypeOf(Uint8Array.prototype), "copyWithin fill includes indexOf join lastIndexOf reverse set slice sort " +
    "toLocaleString toReversed toSorted with");
  all(ArrayBuffer.prototype, "resize slice transfer transferToFixedLength");
  all(JSON, "parse stringify");
  all(Object, "assign entries freeze fromEntries getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols isFrozen " +
    "isSealed keys preventExtensions seal values");
  all(Reflect, "ownKeys");
  all(Map.prototype, "clear");
  all(Set.prototype, "clear difference intersection isDisjointFrom isSubsetOf isSupersetOf symmetricDifference union");
  all(BigInt.prototype, "toString toLocaleString");
  all(BigInt, "asIntN asUintN");
  all(globalThis, "atob btoa decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape parseFloat parseInt");
})
