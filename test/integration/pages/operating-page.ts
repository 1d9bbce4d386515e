// The blocks of docs/operating.md, by the words behind their fences.

import { readFileSync } from "node:fs";
import path from "node:path";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";

export const PAGE = readFileSync(path.join(PACKAGE_ROOT, "docs/operating.md"), "utf8");

interface Block {
  /** `sh`, or `yaml` and what it is. */
  readonly info: string;
  readonly text: string;
}

export const BLOCKS: readonly Block[] = [...PAGE.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, info = "", text = ""]) => ({ info, text }),
);

/** The one block with these words. */
export function blockOf(info: string): string {
  const found = BLOCKS.filter((block) => block.info === info);
  if (found.length !== 1) throw new Error(`the page has ${found.length} blocks "${info}"`);
  return found[0]?.text ?? "";
}

/** The shell block that has this command. */
export function commandsWith(command: string): string {
  const found = BLOCKS.filter(({ info, text }) => info === "sh" && text.includes(command));
  if (found.length !== 1) throw new Error(`the page has ${found.length} shell blocks with ${command}`);
  return found[0]?.text ?? "";
}

/** The rows of the table that follows a heading, each as its cells. */
export function tableAfter(heading: string): readonly (readonly string[])[] {
  const section = PAGE.slice(PAGE.indexOf(`\n## ${heading}\n`));
  const [table = ""] = /(^\|.*\|\n)+/m.exec(section) ?? [];
  const rows = table
    .trimEnd()
    .split("\n")
    .map((row) =>
      row
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
  return rows.filter((_, i) => i !== 1);
}
