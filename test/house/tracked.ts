// The files that git tracks, which make up the house.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";

/** Every file of the repository that is or will be tracked, relative to its root, in order. */
export const TRACKED: readonly string[] = execFileSync(
  "git",
  ["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
  { cwd: PACKAGE_ROOT, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
)
  .split("\0")
  .filter((file) => file !== "")
  .sort();

/** The text of a tracked file. */
export function textOf(file: string): string {
  return readFileSync(path.join(PACKAGE_ROOT, file), "utf8");
}

/** The part of a page under a heading of the second level, without the heading. */
export function sectionOf(page: string, heading: string): string {
  const [, section] = textOf(page).split(`\n## ${heading}\n`);
  if (section === undefined) throw new Error(`${page} has no section "${heading}"`);
  return section.split("\n## ")[0] ?? "";
}
