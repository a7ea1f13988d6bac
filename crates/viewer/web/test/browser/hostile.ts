/** A copy of a bundle in which every name, id and text carries what an attacker would write. */
import { cpSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const CORPUS = [
  "<img src=x onerror=alert(1)><script>alert(2)</script><svg onload=alert(3)><iframe srcdoc='<script>alert(4)</script>'>",
  "</title></style></script><base href=http://evil.example/><link rel=stylesheet href=http://evil.example/x.css>",
  "\u202Egnp.exe\u2066\u200B\u{E0041}\u0000\u0085",
  "\u001b]8;;http://evil.example\u0007link\u001b]8;;\u0007\u001b[31mred\u001b[2J",
  "[x](javascript:alert(5)) http://evil.example/ \"'`${alert(6)}{{7*7}}%3Cscript%3E&lt;b&gt;",
].join(" ");

/** Fields whose values are words of the format, and not free text. */
const WORDS = new Set(["type", "kind", "role", "path", "raw_payload_id", "raw_event_log", "payloads_dir", "status", "channel", "phase"]);

function hostile(value: unknown, key: string): unknown {
  if (typeof value === "string") {
    if (WORDS.has(key) || key.endsWith("payload_id")) {
      return value;
    }
    if (key === "arguments") {
      try {
        return JSON.stringify(hostile(JSON.parse(value), ""));
      } catch {
        // Not JSON: plain text.
      }
    }
    return `${value} ${CORPUS}`;
  }
  if (Array.isArray(value)) {
    return value.map((entry) => hostile(entry, key));
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, hostile(entry, name)]));
  }
  return value;
}

export function hostileBundle(bundle: string): string {
  const copy = join(mkdtempSync(join(tmpdir(), "rollout-trace-hostile-")), "<b>hostile</b>");
  cpSync(bundle, copy, { recursive: true });
  const rewrite = (path: string, lines: boolean) => {
    const text = readFileSync(path, "utf8");
    const whole = (document: string) => JSON.stringify(hostile(JSON.parse(document), ""));
    writeFileSync(path, lines ? `${text.trimEnd().split("\n").map(whole).join("\n")}\n` : whole(text));
  };
  rewrite(join(copy, "manifest.json"), false);
  rewrite(join(copy, "trace.jsonl"), true);
  for (const name of readdirSync(join(copy, "payloads"))) {
    rewrite(join(copy, "payloads", name), false);
  }
  return copy;
}
