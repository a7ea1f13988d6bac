// Runs before the script and after the prelude. The engine calls its interrupt handler once in ten thousand steps, and
// a call of a built-in function is one step however long it takes: a loop around such a call would go on for minutes
// after its cell was stopped. The functions whose time grows with their input are therefore wrapped, and the wrapper
// checks for a stop on each call.
(function (check, longest) {
  "use strict";
  const { defineProperty, getOwnPropertyDescriptor } = Object;
  const { apply } = Reflect;
  const RangeErrorClass = RangeError;
  const { match, replace: replacer, split } = Symbol;

  const replace = (owner, key, wrap) => {
    const property = getOwnPropertyDescriptor(owner, key);
    if (property === undefined || typeof property.value !== "function") return;
    const original = property.value;
    const value = wrap(original);
    defineProperty(value, "name", { value: original.name, configurable: true });
    defineProperty(value, "length", { value: original.length, configurable: true });
    defineProperty(owner, key, { ...property, value });
  };
  // A method is not a constructor, and neither is the function that it replaces.
  const guarded = (original) => ({ method(...rest) { check(); return apply(original, this, rest); } }).method;
  // Where the time depends on the receiver's length, a short receiver needs no check.
  const short = 512;
  const guardedByLength = (original) => ({ method(...rest) {
    if (!(this?.length <= short)) check();
    return apply(original, this, rest);
  } }).method;

  // If a text nearly matches everywhere, a search takes time in proportion to the product of both lengths. A search
  // that may take long is therefore done here, in steps of a fraction of a second each.
  const easy = 2 ** 26, step = 2 ** 16, head = 2 ** 10;
  const { indexOf, lastIndexOf, slice, startsWith } = String.prototype;
  const { max, min, trunc } = Math;
  const cut = (text, from, to) => apply(slice, text, [from, to]);
  const find = (text, part, from) => {
    const start = cut(part, 0, head);
    for (; from + part.length <= text.length; from += step) {
      check();
      const piece = cut(text, from, from + step + start.length - 1);
      for (let at = -1; (at = apply(indexOf, piece, [start, at + 1])) >= 0; check()) {
        if (apply(startsWith, text, [part, from + at])) return from + at;
      }
    }
    return -1;
  };
  const findLast = (text, part, from) => {
    const start = cut(part, 0, head);
    for (; from >= 0; from -= step) {
      check();
      const low = max(0, from - step + 1);
      const piece = cut(text, low, from + start.length);
      for (let at = from - low + 1; at > 0 && (at = apply(lastIndexOf, piece, [start, at - 1])) >= 0; check()) {
        if (apply(startsWith, text, [part, low + at])) return low + at;
      }
    }
    return -1;
  };
  const position = (from, most) => { from = trunc(from); return from > 0 ? min(from, most) : 0; };
  const substituted = (by, part, at, text) => {
    let result = "", from = 0;
    for (let sign; (sign = apply(indexOf, by, ["$", from])) >= 0; from = sign + 2) {
      const key = cut(by, sign, sign + 2);
      result += cut(by, from, sign);
      if (key === "$$") result += "$";
      else if (key === "$&") result += part;
      else if (key === "$`") result += cut(text, 0, at);
      else if (key === "$'") result += cut(text, at + part.length);
      else result += key;
    }
    return result + cut(by, from);
  };
  const replacing = (all) => (text, part, by) => {
    if (typeof by !== "function") by = `${by}`;
    let result = "", from = 0;
    for (let at = find(text, part, 0); at >= 0; at = all ? find(text, part, from) : -1) {
      result += cut(text, from, at) + (typeof by === "function" ? `${by(part, at, text)}` : substituted(by, part, at, text));
      from = at + part.length;
    }
    return result + cut(text, from);
  };
  const splitting = (text, part, limit) => {
    limit = limit === undefined ? 2 ** 32 - 1 : limit >>> 0;
    const pieces = [];
    const add = (from, to) => {
      const value = cut(text, from, to);
      // An assignment would call a setter that the script may have put on arrays.
      defineProperty(pieces, pieces.length, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
      return pieces.length < limit;
    };
    if (limit === 0) return pieces;
    let from = 0;
    for (let at; (at = find(text, part, from)) >= 0; from = at + part.length) if (!add(from, at)) return pieces;
    add(from);
    return pieces;
  };
  // An argument that searches by itself, such as a regular expression, has a method named by this symbol. The engine
  // interrupts that.
  const guardedSearch = (symbol, search) => (original) => ({ method(...rest) {
    if (typeof this === "string" && this.length <= short) return apply(original, this, rest);
    check();
    const sought = rest[0];
    const isObject = (typeof sought === "object" && sought !== null) || typeof sought === "function";
    if (this === undefined || this === null || sought === undefined || (isObject && (sought[symbol] ?? null) !== null)) {
      return apply(original, this, rest);
    }
    const text = `${this}`;
    const part = rest[0] = `${sought}`;
    return text.length * part.length > easy ? search(text, part, rest[1]) : apply(original, text, rest);
  } }).method;
  const guardedArray = (original) => ({ method(...rest) {
    if (!(this?.length <= short)) {
      check();
      if (typeof this === "object" && this?.length > longest) {
        throw new RangeErrorClass("this array has length " + this.length + "; arrays longer than " + longest + " are not supported here");
      }
    }
    return apply(original, this, rest);
  } }).method;
  const all = (owner, keys, wrap) => keys.split(" ").forEach((key) => replace(owner, key, wrap));

  const array = Array.prototype, string = String.prototype, typedArray = Object.getPrototypeOf(Uint8Array.prototype);
  all(array, "concat copyWithin fill flat includes indexOf join lastIndexOf reverse shift slice sort splice " +
    "toLocaleString toReversed toSorted toSpliced unshift with", guardedArray);
  // These copy their arguments, so that the receiver's length says nothing about their time.
  all(array, "concat flat", guarded);
  all(Array, "from", guarded);
  all(string, "indexOf", guardedSearch(undefined, (text, part, from) => find(text, part, position(from, text.length))));
  all(string, "includes", guardedSearch(match, (text, part, from) => find(text, part, position(from, text.length)) >= 0));
  all(string, "lastIndexOf", guardedSearch(undefined, (text, part, from) => {
    from = +from;
    const most = text.length - part.length;
    return findLast(text, part, from === from ? min(position(from, text.length), most) : most);
  }));
  all(string, "replace", guardedSearch(replacer, replacing(false)));
  all(string, "replaceAll", guardedSearch(replacer, replacing(true)));
  all(string, "split", guardedSearch(split, splitting));
  all(string, "endsWith isWellFormed localeCompare match matchAll normalize search slice startsWith substr substring " +
    "toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase toWellFormed trim trimEnd trimStart", guardedByLength);
  all(string, "concat padEnd padStart repeat", guarded);
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
  // The wrapper also makes every call of `eval` an indirect one, which sees only globals.
  all(globalThis, "eval", guarded);
})
