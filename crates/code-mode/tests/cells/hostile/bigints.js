const n = 2n ** 65536n; let x = n;
for (let i = 0; i < 4; i++) { x = x * n; String(x % 1000007n) }
BigInt("9".repeat(1e4)); BigInt.asIntN(2 ** 40, -1n);
