const buffer = new ArrayBuffer(100, { maxByteLength: 1e6 });
const view = new Uint8Array(buffer);
const wild = { valueOf() { buffer.resize(1); return 1 } };
for (const use of ["fill", "set", "copyWithin", "slice", "subarray", "indexOf", "with"]) {
  buffer.resize(100);
  try { view[use](wild, wild, wild) } catch {}
  try { view[use](0, wild) } catch {}
}
buffer.resize(100);
try { view.sort(() => { buffer.resize(0); return 1 }) } catch {}
try { view.map(() => { buffer.transfer?.(); return 1 }) } catch {}
view[50] = 1; text(view.length);
