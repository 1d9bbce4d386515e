// The filter of filters/README.md whose rules are like our own filters', exactly as on the page, in
// an author's package and in stock Envoy.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { AdminClient } from "../../../envoy/runtime/admin.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { type AuthorPackage, authorPackage } from "../commands/author-package.js";
import { CliProcess, runCli } from "../commands/cli-process.js";

const TEST_MS = 100_000;

describe("the filter with rules of filters/README.md", { timeout: TEST_MS }, () => {
  let author: AuthorPackage;
  let upstream: Upstream;

  beforeAll(async () => {
    const page = await readFile(path.join(PACKAGE_ROOT, "filters/README.md"), "utf8");
    const section = page.slice(page.indexOf("## Rules in a filter of your own"));
    const [binding = "", schema = "", settings = ""] = [
      ...section.matchAll(/^```(?:ts|yaml)\n([\s\S]*?)^```$/gm),
    ].map(([, code]) => code ?? "");
    author = await authorPackage();
    upstream = await startUpstream();
    await author.write("filters/tagger/index.ts", binding);
    // The published package has it compiled; a checkout has only the source.
    const source = path.join(PACKAGE_ROOT, "filters/shared/rule-schema.js");
    await author.write(
      "filters/tagger/schema.ts",
      schema.replace('"meshwright/schema"', JSON.stringify(source)),
    );
    await author.write("tagger.yaml", settings);
    expect(await runCli(["build", "tagger"], author.root)).toMatchObject({ exitCode: 0 });
  }, TEST_MS);
  afterAll(async () => {
    await upstream?.[Symbol.asyncDispose]();
    await author?.[Symbol.asyncDispose]();
  });

  it("selects by match, and counts a sticky share in shadow mode", async () => {
    const words = ["run", "--upstream", `http://127.0.0.1:${upstream.port}`, "--port", "0"];
    await using command = new CliProcess([...words, "--filter", "tagger=tagger.yaml"], author.root);
    const [, url = "", admin = ""] = await command.until(/listens on (http:\S+), admin on (http:\S+)\n/);
    for (let i = 0; i < 100; i++) await send(url, { headers: [["x-user-id", `user-${i % 20}`]] });
    await send(url, {
      headers: [
        ["x-user-group", "beta"],
        ["x-tag", "forged"],
      ],
    });
    expect(upstream.requests.map((request) => request.header("x-tag"))).toEqual([
      ...Array<undefined>(100),
      "beta",
    ]);
    const counts = await new AdminClient(admin).stats("tagger\\.decisions_total");
    expect(counts.get("wasmcustom.tagger.decisions_total;rule=beta;outcome=tagged")).toBe(1);
    const half = counts.get("wasmcustom.tagger.decisions_total;rule=half;outcome=shadow-tagged") ?? 0;
    // Twenty users, five requests each.
    expect(half % 5).toBe(0);
    expect(half).toBeGreaterThan(0);
    expect(half).toBeLessThan(100);
  });

  it("gets a mistake reported with its line", async () => {
    await author.write(
      "wrong.yaml",
      "rules:\n  - name: beta\n    share: { percentage: 101 }\n    tag: beta\n",
    );
    const { exitCode, stderr } = await runCli(["validate", "tagger=wrong.yaml"], author.root);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /wrong\.yaml:3:\d+: rules\[0\]\.share\.percentage: must be a number from 0 to 100/,
    );
  });
});
