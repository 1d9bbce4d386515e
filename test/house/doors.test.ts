// What the SDK's entries export is documented at its definition and on the SDK's page.

import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

const EXPORT = /^export \{([^}]+)\} from "(\.[^"]+)";/gm;

const read = (file: string) => readFileSync(path.join(PACKAGE_ROOT, file), "utf8");
const page = read("assembly/README.md");

/** The names that an entry exports, each with the file that defines it. */
function namesOf(entry: string): (readonly [name: string, file: string])[] {
  return [...read(`assembly/${entry}.ts`).matchAll(EXPORT)].flatMap(([, names = "", from = ""]) =>
    names
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "")
      .map((name) => [name, path.posix.join("assembly", `${from}.ts`)] as const),
  );
}

/** Whether a doc comment is directly before the name's definition, or before its decorator. */
function isDocumented(name: string, file: string): boolean {
  const kind = "(?:abstract )?(?:class|function|enum|const|let|type)";
  return new RegExp(`\\*/\\n(?:@\\w+\\n)?export ${kind} ${name}\\b`).test(definition(name, file));
}

/**
 * The text of the file that defines the name: this one, or the one from which it re-exports the
 * name.
 */
function definition(name: string, file: string): string {
  const text = read(file);
  const from = new RegExp(`^export \\{[^}]*\\b${name}\\b[^}]*\\} from "(\\.[^"]+)";`, "m").exec(text)?.[1];
  return from === undefined ? text : read(path.posix.join(path.posix.dirname(file), `${from}.ts`));
}

describe.each(["index", "rules", "config"])("assembly/%s.ts", (entry) => {
  const names = namesOf(entry);

  test("exports names", () => {
    expect(names.length).toBeGreaterThan(8);
  });

  test("exports only names that are documented at their definition", () => {
    expect(names.filter(([name, file]) => !isDocumented(name, file))).toEqual([]);
  });

  test("exports only names that the page has", () => {
    expect(names.filter(([name]) => !new RegExp(`\\b${name}\\b`).test(page)).map(([name]) => name)).toEqual(
      [],
    );
  });
});
