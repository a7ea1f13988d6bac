/** Colors for code: which stretches of a text are strings, comments and so on. Nothing of the text changes. */

export const LANGUAGES = ["json", "shell", "code"] as const;
export type Language = (typeof LANGUAGES)[number];

export const TOKEN_LOOKS = ["key", "string", "literal", "word", "comment"] as const;
export type TokenLook = (typeof TOKEN_LOOKS)[number];

export interface Token {
  readonly from: number;
  readonly to: number;
  readonly look: TokenLook;
}

/** What is looked at of one text; the rest stays without colors. */
const MOST = 60_000;

const STRING = String.raw`"(?:\\[^]|[^"\\\n])*"?`;
const QUOTED = String.raw`'(?:\\[^]|[^'\\\n])*'?`;
const NUMBER = String.raw`(?<![\w.])-?(?:0x[\da-fA-F_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])`;

const SHELL_WORDS = "case|do|done|elif|else|esac|exit|export|fi|for|function|if|in|local|return|set|then|until|while";
const CODE_WORDS =
  "abstract|as|async|await|break|case|catch|class|const|continue|crate|def|default|del|elif|else|enum|except|export|extends|false|final|finally|fn|for|from|func|function|go|if|impl|implements|import|in|interface|is|lambda|let|loop|match|mod|mut|new|nil|none|None|not|null|of|or|and|package|pass|private|protected|pub|public|raise|ref|return|self|static|struct|super|switch|this|throw|trait|true|True|False|try|type|typeof|undefined|use|var|void|where|while|with|yield";

/** One expression for each language. The name of the group that matched is the look. */
const EXPRESSIONS: Readonly<Record<Language, RegExp>> = {
  json: new RegExp(`(?<key>${STRING})(?=\\s*:)|(?<string>${STRING})|(?<literal>${NUMBER}|\\b(?:true|false|null)\\b)`, "g"),
  shell: new RegExp(
    // A quoted text of the shell may have several lines.
    String.raw`(?<comment>(?<![^\s;])#.*)|(?<string>'[^']*'?|"(?:\\[^]|[^"\\])*"?)|(?<literal>\$(?:\{[^}\n]*\}|\w+|[?@#*!$]))|(?<key>(?<=\s)--?[A-Za-z][\w-]*)|(?<word>(?<![\w./-])(?:${SHELL_WORDS})(?![\w./=-]))`,
    "g",
  ),
  code: new RegExp(
    String.raw`(?<comment>\/\*[^]*?(?:\*\/|$)|(?<![:\w])\/\/.*|(?<![^\s;])#(?![\[!{]).*)|(?<string>"""[^]*?(?:"""|$)|${STRING}|` +
      "`(?:\\\\[^]|[^`\\\\])*`?" +
      // A quote within or right after a word is an apostrophe or a lifetime.
      `|(?<!\\w)(?:${QUOTED})(?<=')(?!\\w))|(?<literal>${NUMBER})|(?<word>(?<![\\w$.-])(?:${CODE_WORDS})(?![\\w$-]))`,
    "g",
  ),
};

export function tokens(text: string, language: Language): Token[] {
  const found: Token[] = [];
  for (const match of text.slice(0, MOST).matchAll(EXPRESSIONS[language])) {
    const look = TOKEN_LOOKS.find((name) => match.groups?.[name] !== undefined);
    if (look !== undefined && match[0] !== "") {
      found.push({ from: match.index, to: match.index + match[0].length, look });
    }
  }
  return found;
}

/** The language of a text that says nothing about it; `null` is prose, or too little to tell. */
export function guessLanguage(text: string): Language | null {
  if (/^\s*[{[]\s*(?:"|[{[\]}]|-?\d|$)/.test(text)) {
    return "json";
  }
  if (/^#!.*\b(?:ba|z|da)?sh\b|^\$ /.test(text)) {
    return "shell";
  }
  const signs = text.slice(0, 4000).match(/[;{}]\s*$|^\s*(?:import|from|const|let|def|fn|pub|use|class|function|return|async|export)\b|\)\s*=>|\w\(.*\)[;:]?\s*$/gm);
  return signs !== null && signs.length >= Math.max(2, text.slice(0, 4000).split("\n").length / 4) ? "code" : null;
}

const NAMES: Readonly<Record<string, Language>> = { json: "json", jsonc: "json", sh: "shell", bash: "shell", shell: "shell", zsh: "shell", console: "shell" };

/** The language of a fence by the word after it; an unknown one has at least strings and comments. */
export function languageOfFence(word: string): Language | null {
  return word === "" || /^(?:text|txt|plain|diff|patch|markdown|md)$/i.test(word) ? null : (NAMES[word.toLowerCase()] ?? "code");
}

export interface PatchBlock {
  readonly look: "patch-head" | "patch-add" | "patch-del" | "patch-keep";
  readonly text: string;
}

export function isPatch(text: string): boolean {
  return /^(?:\*\*\* Begin Patch|diff --git |--- \S)/m.test(text);
}

/** The lines of a patch in blocks of one look. Together they are the text, without the line ends between blocks. */
export function patchBlocks(text: string): PatchBlock[] {
  const blocks: { look: PatchBlock["look"]; lines: string[] }[] = [];
  for (const line of text.split("\n")) {
    const look = /^(?:\*\*\* |diff |index |@@|--- |\+\+\+ )/.test(line) ? "patch-head"
      : line.startsWith("+") ? "patch-add" : line.startsWith("-") ? "patch-del" : "patch-keep";
    const last = blocks.at(-1);
    if (last?.look === look) {
      last.lines.push(line);
    } else {
      blocks.push({ look, lines: [line] });
    }
  }
  return blocks.map(({ look, lines }) => ({ look, text: lines.join("\n") }));
}
