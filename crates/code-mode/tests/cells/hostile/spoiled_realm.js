for (const name of Object.getOwnPropertyNames(globalThis)) { if (name !== "globalThis") { try { globalThis[name] = null } catch {} } }
for (const proto of [Object.getPrototypeOf({}), Object.getPrototypeOf([]), Object.getPrototypeOf(async () => {}), Object.getPrototypeOf("")]) {
  for (const key of Reflect?.ownKeys?.(proto) ?? []) { try { proto[key] = () => { throw proto } } catch {} }
}
await 1;
