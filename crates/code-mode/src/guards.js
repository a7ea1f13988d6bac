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
  // Where it is the receiver's length that takes time, a short one need not ask.
  const short = 512;
  const guardedByLength = (original) => ({ method(...rest) {
    if (!(this?.length <= short)) check();
    return apply(original, this, rest);
  } }).method;
  const guardedArray = (original) => ({ method(...rest) {
    if (!(this?.length <= short)) {
      check();
      if (typeof this === "object" && this?.length > longest) {
        throw new RangeErrorClass("arrays longer than " + longest + " are not supported here, this one has length " + this.length);
      }
    }
    return apply(original, this, rest);
  } }).method;
  const all = (owner, keys, wrap) => keys.split(" ").forEach((key) => replace(owner, key, wrap));

  const array = Array.prototype, string = String.prototype, typedArray = Object.getPrototypeOf(Uint8Array.prototype);
  all(array, "concat copyWithin fill flat includes indexOf join lastIndexOf reverse shift slice sort splice " +
    "toLocaleString toReversed toSorted toSpliced unshift with", guardedArray);
  // These copy what they are given, and a short receiver says nothing of that.
  all(array, "concat flat", guarded);
  all(Array, "from", guarded);
  all(string, "endsWith includes indexOf isWellFormed lastIndexOf localeCompare match matchAll normalize search slice split " +
    "startsWith substr substring toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase toWellFormed trim trimEnd trimStart",
    guardedByLength);
  all(string, "concat padEnd padStart repeat replace replaceAll", guarded);
  all(typedArray, "copyWithin fill includes indexOf join lastIndexOf reverse slice sort toLocaleString toReversed toSorted with",
    guardedByLength);
  all(typedArray, "set", guarded);
  all(ArrayBuffer.prototype, "resize slice transfer transferToFixedLength", guarded);
  all(JSON, "parse stringify", guarded);
  all(Object, "assign entries freeze fromEntries getOwnPropertyDescriptors getOwnPropertyNames getOwnPropertySymbols isFrozen " +
    "isSealed keys preventExtensions seal values", guarded);
  all(Reflect, "ownKeys", guarded);
  all(Map.prototype, "clear", guarded);
  all(Set.prototype, "clear difference intersection isDisjointFrom isSubsetOf isSupersetOf symmetricDifference union", guarded);
  all(BigInt.prototype, "toString toLocaleString", guarded);
  all(BigInt, "asIntN asUintN", guarded);
  all(globalThis, "atob btoa decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape parseFloat parseInt", guarded);
})
