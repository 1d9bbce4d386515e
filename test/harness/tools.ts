// Programs that some tests need beside Node and Envoy. Where one is absent its tests are skipped, by name.

import { spawnSync } from "node:child_process";

/** How to get each. */
const TOOLS = {
  openssl: "on Debian: apt-get install openssl; on macOS: brew install openssl",
  python3: "on Debian: apt-get install python3; on macOS: brew install python",
} as const;

export type Tool = keyof typeof TOOLS;

const missing = new Map<Tool, boolean>();

/** Whether the program cannot be run here. */
export function isMissing(tool: Tool): boolean {
  const known =
    missing.get(tool) ?? spawnSync(tool, [tool === "openssl" ? "version" : "--version"]).status !== 0;
  missing.set(tool, known);
  return known;
}

/** For the name of a suite: what it needs, and how to get it. */
export function needs(tool: Tool): string {
  return `(needs ${tool}; ${TOOLS[tool]})`;
}

/** A line for each program that is absent. */
export function missingTools(): readonly string[] {
  const tools = Object.keys(TOOLS) as Tool[];
  return tools
    .filter(isMissing)
    .map((tool) => `${tool} is not here, and the tests that need it are skipped; ${TOOLS[tool]}`);
}
