// The example of docs/bring-your-own.md is what `meshwright init` writes.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { runMain } from "../commands/run-main.js";

it("writes for the page's project what the page shows", async () => {
  const page = await readFile(path.join(PACKAGE_ROOT, "docs", "bring-your-own.md"), "utf8");
  const [project = "", shown = ""] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block);
  const folder = await mkdtemp(path.join(tmpdir(), "my-shop-"));
  try {
    await writeFile(path.join(folder, "compose.yaml"), project);
    const { stdout, stderr } = await runMain(["init", "--print"], folder);
    expect(stderr).toBe("");
    expect(shown).toMatch(/^gateway:/);
    expect(stdout).toContain(shown);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
