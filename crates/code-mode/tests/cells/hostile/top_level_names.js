let tools = 1, text = 2, exit = 3, undefined_ = void 0;
var globalThis = 5;
export { tools as default };
