// Writes resources as YAML that kubectl reads: one document for each, comments, and no string that
// a reader of YAML 1.1 takes for something else.

import { Document, isMap, isNode, isScalar, type Node, type YAMLMap } from "yaml";
import type { Resource } from "./resource.js";

/** A comment's width, with its mark. */
const COLUMNS = 100;

/** All resources in one text, a document for each. */
export function toManifest(resources: readonly Resource[], head: readonly string[] = []): string {
  const documents = resources.map((resource) => resourceText(resource));
  const top = head.length === 0 ? "" : `${commentLines(head).join("\n")}\n`;
  return `${top}${documents.map((text) => `---\n${text}`).join("")}`;
}

/** One resource, without the mark that separates documents. */
export function resourceText({ comment, notes = [], body, ...names }: Resource): string {
  const { apiVersion, kind, metadata } = names;
  const document = new Document(
    { apiVersion, kind, metadata, ...body },
    // kubectl reads YAML 1.1, where a bare `on`, `0x10` or `12:30` is no string.
    { compat: "yaml-1.1", aliasDuplicateObjects: false },
  );
  for (const { path, text } of notes) addNote(document, path, text);
  const above = commentLines(comment).map((line) => `${line}\n`);
  return `${above.join("")}${document.toString({ lineWidth: 0, flowCollectionPadding: true })}`;
}

function addNote(document: Document, path: readonly (string | number)[], text: string): void {
  const key = path.at(-1);
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const node = typeof key === "string" && isMap(parent) ? keyNode(parent, key) : document.getIn(path, true);
  if (!isNode(node)) throw new Error(`a note is about ${path.join(".")}, which is not there`);
  node.commentBefore = folded(text)
    .map((line) => ` ${line}`)
    .join("\n");
}

function keyNode(map: YAMLMap, key: string): Node | undefined {
  const found = map.items.find((pair) => isScalar(pair.key) && pair.key.value === key)?.key;
  return isNode(found) ? found : undefined;
}

function commentLines(lines: readonly string[]): readonly string[] {
  return lines.flatMap(folded).map((line) => (line === "" ? "#" : `# ${line}`));
}

/** A paragraph's lines. What the reader may copy, indented by two spaces, stays whole. */
function folded(text: string): readonly string[] {
  if (text.startsWith("  ")) return [text];
  const lines: string[] = [];
  let line = "";
  // A line break inside would end the comment, and the rest would be YAML.
  for (const word of text.split(/\s+/)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && longer.length > COLUMNS - 2) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
