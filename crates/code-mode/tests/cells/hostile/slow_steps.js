const long = "x".repeat(4e6), many = new Array(2e5).fill(long), n = (1n << 400000n) - 1n;
const steps = [
  () => [...many], () => n * n, () => `${n}`, () => (long + long)[0], () => eval(long), () => new Function(long), () => n == long,
  () => ({ ...many }), () => { const [first, ...rest] = many }, () => Math.max(...many), () => new Set(many.keys()),
  async () => { await long; many.map((x) => x + x) }, () => new Error(long), () => { throw long }, () => class { [long + 1]() {} },
];
for (let i = 0; ; i++) try { steps[i % steps.length]() } catch {}
