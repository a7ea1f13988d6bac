const registry = new FinalizationRegistry((held) => { registry.register({}, held); text(held); throw held });
for (let i = 0; i < 1e4; i++) registry.register({}, i);
await null;
globalThis.last = {};
registry.register(last, "last");
globalThis.cycle = { registry }; cycle.cycle = cycle; registry.register(cycle, cycle.registry);
