const a = Array.from({ length: 1000 }, (_, i) => i);
a.sort(() => { a.length = 0; a.push(...new Array(5000).fill({})); return Math.random() - 0.5 });
a.sort(() => NaN);
a.sort(() => { throw a });
