/** Parts that several panels share. */
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import type { PayloadName } from "../api";
import type { PayloadBytes } from "../data/source";
import { bytes } from "../pure/format";
import { oneLine } from "../pure/text";
import { Code } from "../ui/code";
import { usePage } from "../ui/page";

/** How many bytes of a payload are shown. */
const SHOWN = 65_536;

const decoder = new TextDecoder();

/** A raw payload: its name, and its bytes when they are asked for. */
export function Payload({ id, word }: { readonly id: PayloadName | null; readonly word: string }): JSX.Element | null {
  const { source } = usePage();
  const [open, setOpen] = useState(false);
  const [found, setFound] = useState<PayloadBytes | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  if (id === null) {
    return null;
  }
  const name = typeof id === "number" ? `payload:${id}` : oneLine(id, 60);
  const toggle = () => {
    setOpen(!open);
    if (!open && found === null) {
      source.payload(id, 0, SHOWN).then(setFound, (error: unknown) => {
        const hint = (error as { hint?: string }).hint ?? "";
        setProblem(`${error instanceof Error ? error.message : String(error)}. ${hint}`);
      });
    }
  };
  return (
    <div class="payload">
      <button type="button" class="more" aria-expanded={open} onClick={toggle}>
        {open ? "▾" : "▸"} {word} · {name}{found === null ? "" : ` · ${bytes(found.whole)}`}
      </button>
      {!open ? null : problem !== null ? <p class="hint">{problem}</p> : found === null ? <p class="hint">…</p> : (
        <>
          <pre class="bytes" tabIndex={0}><Code text={pretty(found)} /></pre>
          {found.whole > found.bytes.length ? <p class="hint">the first {bytes(found.bytes.length)} of {bytes(found.whole)}</p> : null}
        </>
      )}
    </div>
  );
}

/** JSON that is here as a whole gets line breaks; anything else stays as it is. */
function pretty({ bytes: raw, whole }: PayloadBytes): string {
  const text = decoder.decode(raw);
  if (raw.length < whole) {
    return text;
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

/** Copies the command that prints the same answer. */
export function CopyCommand({ question, parameters }: { readonly question: string; readonly parameters: string }): JSX.Element {
  const { trace } = usePage();
  const [copied, setCopied] = useState(false);
  const quoted = /^[A-Za-z0-9_:./-]*$/.test(parameters) ? parameters : `'${parameters.replaceAll("'", "'\\''")}'`;
  const line = `rollout-trace ${question} ${trace.commandPath} ${quoted}`.trim();
  const copy = () => {
    navigator.clipboard.writeText(line).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <button type="button" class="more copy" title={oneLine(line, 300)} onClick={copy} onBlur={() => setCopied(false)}>
      {copied ? "✓ copied" : "copy as command"}
    </button>
  );
}

export function Facts({ rows }: { readonly rows: readonly (readonly [string, ComponentChildren] | null)[] }): JSX.Element {
  return (
    <dl class="facts">
      {rows.map((row) => (row === null ? null : <><dt>{row[0]}</dt><dd>{row[1]}</dd></>))}
    </dl>
  );
}
