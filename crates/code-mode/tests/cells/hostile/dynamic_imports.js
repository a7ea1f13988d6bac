await Promise.allSettled(Array.from({ length: 1e3 }, (_, i) => import("m" + i)));
await import({ toString() { throw new Error("name") } });
