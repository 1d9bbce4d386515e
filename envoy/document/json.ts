// Reads a JSON document strictly, as RFC 8259 describes it.

import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { EntryCollector, type Fault, MAX_DEPTH, type Parsed, type TreeNode } from "./tree.js";

const BYTE_ORDER_MARK = "\uFEFF";
/** An escape; the group is absent where JSON does not have it. */
const ESCAPE = /\\(["\\/bfnrt]|u[0-9A-Fa-f]{4})?/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /[\u0000-\u001F]/g;

/** Parses a document. Throws `RangeError` where it is nested too deep for the parser. */
export function parseJson(text: string): Parsed {
  const refused = (...faults: Fault[]): Parsed => ({ ok: false, faults });
  if (text.trim() === "") return refused({ reason: "the file is empty" });
  if (text.startsWith(BYTE_ORDER_MARK)) {
    return refused({
      offset: 0,
      reason:
        "begins with a byte order mark (U+FEFF), which JSON does not have; save it as UTF-8 without one",
    });
  }
  const errors: ParseError[] = [];
  const node = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const [error] = errors;
  // Errors after the first are its echoes.
  if (error !== undefined) return refused(describe(error, text));
  if (node === undefined) return refused({ reason: "the file is empty" });
  const faults: Fault[] = [];
  const root = build(node, 0, faults);
  return faults.length > 0 ? refused(...faults) : { ok: true, root, value: () => JSON.parse(text) };
}

function build(node: Node, depth: number, faults: Fault[]): TreeNode {
  const { offset, type, children = [] } = node;
  const built: TreeNode = { offset };
  if (type !== "array" && type !== "object") return built;
  if (depth === MAX_DEPTH) {
    faults.push({ offset, reason: `nested more than ${MAX_DEPTH} levels deep` });
  } else if (type === "array") {
    built.items = children.map((child) => build(child, depth + 1, faults));
  } else {
    const collector = new EntryCollector(faults);
    for (const { children: [key, value] = [] } of children) {
      if (key === undefined || value === undefined) continue;
      collector.add(String(key.value), { offset: key.offset, value: build(value, depth + 1, faults) });
    }
    built.entries = collector.entries;
  }
  return built;
}

function describe({ error, offset }: ParseError, text: string): Fault {
  const [at, what] = place(printParseErrorCode(error), offset, text);
  return {
    offset: at,
    reason: `${what}; a .json file has strict JSON, and YAML has its place in a .yaml file`,
  };
}

function place(error: string, offset: number, text: string): [offset: number, reason: string] {
  const here = text[offset];
  switch (error) {
    case "InvalidCommentToken":
    case "UnexpectedEndOfComment":
      return [offset, "JSON has no comments"];
    case "InvalidCharacter":
      return [
        firstAfter(text, offset, CONTROL),
        "a string has no line breaks, tabs or other control characters; write \\n, \\t or \\u00XX",
      ];
    case "InvalidEscapeCharacter":
    case "InvalidUnicode":
      return [
        wrongEscape(text, offset),
        'after a backslash JSON has one of " \\ / b f n r t, or u and four hexadecimal digits',
      ];
    case "UnexpectedEndOfString":
      return [offset, "this string has no closing quote on its line"];
    case "UnexpectedEndOfNumber":
    case "InvalidNumberFormat":
      return [offset, "this number is incomplete"];
    case "EndOfFileExpected":
      return [offset, "the document ends before this; keep one value in a file"];
    default:
      break;
  }
  if (here === undefined) return [text.length, "the file ends inside a value"];
  const before = text.slice(0, offset).trimEnd();
  if (/[}\]]/.test(here) && before.endsWith(",")) {
    return [before.length - 1, `JSON has no comma before "${here}"`];
  }
  if (here === "'") return [offset, "JSON writes strings in double quotes"];
  if (/\d/.test(here) && text[offset - 1] === "0") return [offset - 1, "a number has no leading zeros"];
  switch (error) {
    case "InvalidSymbol":
      return [offset, `JSON has no ${shown(text, offset)} outside of strings, and keys in double quotes`];
    case "CommaExpected":
      return [offset, `expected a comma before ${shown(text, offset)}`];
    case "ColonExpected":
      return [offset, `expected a colon before ${shown(text, offset)}`];
    case "PropertyNameExpected":
      return [offset, `expected a key in double quotes, found ${shown(text, offset)}`];
    default:
      return [offset, `expected a value, found ${shown(text, offset)}`];
  }
}

/** The word or the character at a place. */
function shown(text: string, offset: number): string {
  const word = /^[\w.+-]{1,32}/.exec(text.slice(offset, offset + 32))?.[0];
  return JSON.stringify(word ?? String.fromCodePoint(text.codePointAt(offset) ?? 0));
}

function firstAfter(text: string, offset: number, sought: RegExp): number {
  const pattern = new RegExp(sought);
  pattern.lastIndex = offset;
  return pattern.exec(text)?.index ?? offset;
}

function wrongEscape(text: string, offset: number): number {
  for (const { 1: known, index } of text.slice(offset).matchAll(ESCAPE)) {
    if (known === undefined) return offset + index;
  }
  return offset;
}
