/** Searches the texts that one file holds, as the program searches those of a bundle. */
import type { Grep, GrepRow, Place, Text } from "../api";
import { CELL, ITEM, OPERATION, type Trace } from "./trace";

interface Subject {
  readonly id: string;
  readonly kind: string;
  readonly role: string | null;
  readonly tool: string | null;
  readonly agent: number | null;
  readonly seq: number | null;
}

function subjectOf(trace: Trace, { of: [kind, number] }: Text): Subject | null {
  const { items, spans } = trace;
  switch (kind) {
    case ITEM: {
      const row = items?.row.get(number);
      if (items == null || row === undefined) {
        return null;
      }
      const call = items.call[row];
      const tool = items.name[row] ?? (call == null ? null : spans.calls.name[call]!);
      return { id: `conversation_item:${number}`, kind: items.kind[row]!, role: items.role[row] ?? null, tool, agent: items.agent[row] ?? null, seq: items.firstSeq[row] ?? null };
    }
    case OPERATION: {
      const call = spans.operations.call[number];
      return {
        id: `terminal_operation:${spans.operations.id[number]}`, kind: spans.operations.kind[number] ?? "terminal", role: null,
        tool: call == null ? null : spans.calls.name[call]!, agent: call == null ? null : spans.calls.agent[call]!, seq: spans.operations.startSeq[number]!,
      };
    }
    case CELL:
      return { id: spans.cells.id[number]!, kind: "code_cell", role: null, tool: "exec", agent: spans.cells.agent[number]!, seq: spans.cells.startSeq[number]! };
    default:
      return null;
  }
}

function placeOf(text: Text, part: Text["parts"][number]): Place {
  if (text.of[0] === CELL) {
    return "source";
  }
  if (text.of[0] === OPERATION) {
    return part.kind === "command" || part.kind === "stdin" ? "command" : "output";
  }
  return "item";
}

const encoder = new TextEncoder();

/** Finds the lines that match. Throws if the pattern is no regular expression of the browser. */
export function searchTexts(trace: Trace, texts: readonly Text[], asked: Readonly<Record<string, string>>): Grep {
  const pattern = new RegExp(asked["pattern"] ?? "", "u");
  const most = Number(asked["limit"] ?? 1000);
  const rows: GrepRow[] = [];
  let matches = 0;
  for (const text of texts) {
    const subject = subjectOf(trace, text);
    if (subject === null || !fits(trace, subject, asked)) {
      continue;
    }
    let line = 0;
    for (const part of text.parts) {
      for (const content of part.text.split("\n")) {
        line += 1;
        const found = pattern.exec(content);
        if (found === null) {
          continue;
        }
        matches += 1;
        if (rows.length < most) {
          rows.push({
            id: subject.id, kind: subject.kind, role: subject.role, tool: subject.tool, seq: subject.seq,
            thread_id: subject.agent === null ? null : (trace.about.agents[subject.agent]?.thread_id ?? null),
            where: placeOf(text, part), line, column: encoder.encode(content.slice(0, found.index)).length + 1, text: content,
          });
        }
      }
    }
  }
  rows.sort((a, b) => (a.seq ?? -1) - (b.seq ?? -1));
  return { question: "grep", pattern: asked["pattern"] ?? "", matches, rows };
}

function fits(trace: Trace, subject: Subject, asked: Readonly<Record<string, string>>): boolean {
  const { kind, role, tool, thread } = asked;
  return (kind === undefined || kind === subject.kind)
    && (role === undefined || role === subject.role)
    && (tool === undefined || tool === subject.tool)
    && (thread === undefined || subject.agent !== null && trace.about.agents[subject.agent]?.name === thread);
}
