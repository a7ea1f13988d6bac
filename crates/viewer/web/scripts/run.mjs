// Runs a script in TypeScript: `node scripts/run.mjs scripts/shots.ts ARGUMENTS`.
import { runnerImport } from "vite";

const [script] = process.argv.splice(2, 1);
await runnerImport(new URL(script, `file://${process.cwd()}/`).pathname, { configFile: false, logLevel: "error" });
