const thenable = { get then() { return (resolve) => resolve(thenable) } };
await thenable;
