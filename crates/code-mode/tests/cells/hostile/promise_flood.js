const all = [];
for (;;) all.push(new Promise((resolve) => all.push(resolve)), Promise.reject(all));
