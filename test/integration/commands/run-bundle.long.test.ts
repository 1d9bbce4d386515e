// A bundle is checked by `meshwright validate`, run by `meshwright run` and used in a mesh file, by
// its name.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AuthorPackage, authorPackage } from "./author-package.js";
import { CliProcess, runCli } from "./cli-process.js";
import { runMain } from "./run-main.js";

const TEST_MS = 240_000;
const SCHEMA = `import { z } from "zod";\nexport const adderSchema = z.strictObject({ shout: z.boolean().optional() });\n`;
const SETTINGS = "adder: {}\ntrace-headers: { responseHeader: x-trace }\nheader-routing: { rules: [] }\n";

let author: AuthorPackage;
let upstream: Server;
beforeAll(async () => {
  author = await authorPackage();
  await author.writeFilter("adder");
  await author.write("filters/adder/schema.ts", SCHEMA);
  await author.write("edge.yaml", SETTINGS);
  upstream = createServer((_request, response) => response.end("served"));
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const built = await runCli(
    ["build", "--bundle", "edge", "filters/adder", "trace-headers", "header-routing"],
    author.root,
  );
  expect(built.exitCode, built.stderr).toBe(0);
}, TEST_MS);
afterAll(async () => {
  upstream.close();
  await author[Symbol.asyncDispose]();
});

it(
  "is checked part by part, with every problem's place",
  async () => {
    await author.write(
      "bad.yaml",
      "adder: { shoutt: true }\ntrace-headers: { sampling: 101 }\nheader-routing: { rules: [] }\n",
    );
    await author.write("half.json", '{"adder": {}, "header-routing": {"rules": []}}');
    const check = (...words: string[]) => runCli(["validate", ...words], author.root);
    expect((await check("edge.yaml", "edge=edge.yaml", "build/edge.wasm=edge.yaml")).stdout).toBe(
      "ok edge.yaml (edge)\nok edge.yaml (edge)\nok edge.yaml (edge)\n",
    );
    const bad = await check("edge=bad.yaml");
    expect(bad.stderr).toContain('bad.yaml:1:10: adder.shoutt: unknown key; did you mean "shout"?');
    expect(bad.stderr).toContain("bad.yaml:2:18: trace-headers.sampling: must be a number from 0 to 100");
    expect((await check("edge=half.json")).stderr).toContain("half.json:1:1: trace-headers: is required");
    expect((await check("egde=edge.yaml")).stderr).toContain(
      'there is no filter "egde"; did you mean "edge"?',
    );
  },
  TEST_MS,
);

it(
  "runs in one VM, and takes an edit of its file",
  async () => {
    const { port } = upstream.address() as AddressInfo;
    const words = [
      "run",
      "--upstream",
      `http://127.0.0.1:${port}`,
      "--port",
      "0",
      "--filter",
      "edge=edge.yaml",
    ];
    const command = new CliProcess(words, author.root);
    try {
      const [, url = ""] = await command.until(/listens on (http:\S+),/);
      expect((await fetch(url)).headers.get("x-trace")).toMatch(/^[0-9a-f]{32}$/);
      await author.write("edge.yaml", SETTINGS.replace("x-trace", "x-other"));
      await command.until(/^applied: edge at edge\.yaml$/m);
      const { headers } = await fetch(url);
      expect([headers.has("x-trace"), headers.has("x-other"), headers.has("x-added")]).toEqual([
        false,
        true,
        true,
      ]);
    } finally {
      command.kill("SIGINT");
      await command.exited;
    }
  },
  TEST_MS,
);

it(
  "stands in a mesh file: it chooses a version, and takes edits of its filters' settings",
  async () => {
    const script = `require("node:http").createServer((q, a) => a.end(process.env.SERVICE_VERSION)).listen(process.env.PORT, "127.0.0.1")`;
    const version = `{ command: ${JSON.stringify([process.execPath, "-e", script])} }`;
    const mesh = (
      destination: string,
      shape = "adder: {}, trace-headers: { responseHeader: x-trace }",
    ) => `name: bundled
gateway: { routes: [{ prefix: /, service: app }] }
services:
  app:
    versions: { v1: ${version}, v2: ${version} }
    filters:
      - filter: edge
        config: { ${shape}, header-routing: { rules: [{ name: all, destination: ${destination} }] } }
`;
    await author.write("mesh.yaml", mesh("v2"));
    expect((await runMain(["validate", "mesh.yaml"], author.root)).stdout).toBe("ok mesh.yaml (mesh)\n");
    const command = new CliProcess(
      ["up", "mesh.yaml", "--engine", "process", "--port", "0", "--no-table"],
      author.root,
    );
    try {
      const [, url = ""] = await command.until(/^ {2}gateway {2}(http:\S+)$/m);
      await command.until(/Ctrl-C ends it/);
      expect(command.stdout).toContain("  edge before app: all → v2\n");
      const answer = async () => {
        const response = await fetch(url);
        return [await response.text(), response.headers.has("x-trace"), response.headers.has("x-added")];
      };
      expect(await answer()).toEqual(["v2", true, true]);
      await author.write("mesh.yaml", mesh("v1"));
      await command.until(/^applied: edge at gateway\/outbound-app_1_edge$/m);
      expect(await answer()).toEqual(["v1", true, true]);
      await author.write("mesh.yaml", mesh("v3"));
      await command.until(
        /mesh\.yaml:8:\d+: services\.app\.filters\[0\]\.config\.header-routing\.rules\[0\]\.destination: there is no version of app "v3"/,
      );
      await author.write("mesh.yaml", mesh("v1").replace("{ rules", "{ destinationHeader: x-to, rules"));
      await command.until(
        /restart to apply: services\.app\.filters\[0\]\.config\.header-routing\.destinationHeader$/m,
      );
      await author.write("mesh.yaml", mesh("v2", "adder: {}, trace-headers: {}"));
      await command.until(/applied: edge at .*\n(?:.*\n)*applied: edge at /);
      expect(await answer()).toEqual(["v2", false, true]);
    } finally {
      command.kill("SIGINT");
      await command.exited;
    }
  },
  TEST_MS,
);
