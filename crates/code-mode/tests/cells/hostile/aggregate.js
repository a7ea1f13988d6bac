await Promise.any(Array.from({ length: 1e4 }, (_, i) => Promise.reject(new Error("e" + i))))
