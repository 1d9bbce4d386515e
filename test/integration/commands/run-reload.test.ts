// `meshwright run` with an author's own filter, whose sources are edited while requests arrive. The
// sources and the settings are behind symbolic links.

import { readdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AuthorPackage, authorPackage, policy } from "./author-package.js";
import { CliProcess, processesNaming } from "./cli-process.js";
import { runMain } from "./run-main.js";

/** Some release builds, on a machine that is busy with other tests. */
const TEST_MS = 240_000;
const EDITS = ["2", "3", "4", "5", "6"];
/** 200 requests per second. */
const PAUSE_MS = 5;
/** Requests last up to this long, so that some are open at every change. */
const LONGEST_MS = 200;

const SCHEMA = `import { z } from "zod";\nexport const adderSchema = z.strictObject({ shout: z.boolean().optional() });\n`;

let author: AuthorPackage;
let upstream: Server;
let words: readonly string[];
beforeAll(async () => {
  author = await authorPackage();
  await author.writeFilter("adder");
  await author.write("filters/adder/schema.ts", SCHEMA);
  await author.write("mount/..1/adder.yaml", "{}\n");
  await linked();
  upstream = createServer((_request, response) => {
    setTimeout(() => response.end("served"), Math.random() * LONGEST_MS);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  words = ["run", "--upstream", `http://127.0.0.1:${port}`, "--port", "0"];
});
afterAll(async () => {
  upstream.close();
  await author[Symbol.asyncDispose]();
});

/** The sources are in another folder, and the settings where Kubernetes would mount them. */
async function linked(): Promise<void> {
  const at = (name: string) => path.join(author.root, name);
  await rename(at("filters/adder"), at("adder-sources"));
  for (const [target, link] of [
    ["../adder-sources", "filters/adder"],
    ["..1", "mount/..data"],
    ["..data/adder.yaml", "mount/adder.yaml"],
    ["mount/adder.yaml", "adder.yaml"],
  ] as const) {
    await symlink(target, at(link));
  }
}

/** The result of a request: the value that the filter added, or what went wrong. */
async function ask(url: string): Promise<string> {
  try {
    const response = await fetch(url);
    const isServed = response.status === 200 && (await response.text()) === "served";
    return isServed ? (response.headers.get("x-added") ?? "nothing added") : `status ${response.status}`;
  } catch (error) {
    return String(error);
  }
}

/** Sends requests at a constant rate until it is stopped; returns how many had each result. */
function constantLoad(url: string): { end(): Promise<ReadonlyMap<string, number>> } {
  const counts = new Map<string, number>();
  const asked: Promise<unknown>[] = [];
  let isOn = true;
  const sending = (async () => {
    for (; isOn; await delay(PAUSE_MS)) {
      asked.push(ask(url).then((came) => counts.set(came, (counts.get(came) ?? 0) + 1)));
    }
  })();
  return {
    end: async () => {
      isOn = false;
      await sending;
      await Promise.all(asked);
      return counts;
    },
  };
}

describe("meshwright run with an author's own filter", { timeout: TEST_MS }, () => {
  let command: CliProcess;
  let url: string;
  const at = (file: string) => path.join(author.root, "filters/adder", file);

  beforeAll(async () => {
    command = new CliProcess([...words, "--filter", "adder=adder.yaml"], author.root);
    url = (await command.until(/listens on (http:\S+),/))[1] ?? "";
  }, TEST_MS);
  afterAll(() => command?.[Symbol.asyncDispose]());

  /** Waits for a line that the command writes from now on. */
  function afterNow() {
    const from = command.stdout.length;
    return (pattern: RegExp) => command.until(new RegExp(`(?<=^[\\s\\S]{${from},})${pattern.source}`, "m"));
  }

  it("loads five new modules under load, and loses no request", async () => {
    const load = constantLoad(url);
    for (const value of EDITS) {
      const until = afterNow();
      await writeFile(at("policy.ts"), policy(value));
      await until(/^reloaded: adder, [\d.]+ s after the save$/);
      // The next request is on the new module, whichever worker gets it.
      expect(await ask(url)).toBe(value);
    }
    const came = await load.end();
    expect([...came.keys()].sort()).toEqual(["1", ...EDITS]);
  });

  it("replaces the module with the one that a build makes some seconds later, and keeps no other copy", async () => {
    await command.until(
      /^reloaded: adder, .*\noptimized: adder, [\d.]+ s after the save$(?![\s\S]*^reloaded)/m,
    );
    expect(await ask(url)).toBe("6");
    const [folder] = await readdir(path.join(author.root, ".meshwright"));
    const copies = await readdir(path.join(author.root, ".meshwright", folder ?? "", "modules"));
    expect(copies.sort()).toEqual([
      expect.stringMatching(/^adder\.[0-9a-f]{12}\.wasm$/),
      expect.stringMatching(/^adder\.[0-9a-f]{12}\.wasm\.map$/),
    ]);
    const running = await readFile(
      path.join(author.root, ".meshwright", folder ?? "", "modules", copies[0] ?? ""),
    );
    expect(running).toEqual(await readFile(path.join(author.root, "build/adder.debug.wasm")));
  });

  it("shows the author's line of a trap", async () => {
    const until = afterNow();
    const breaking = `const VALUES: string[] = ["6"];\nlet last = 5;\nexport function valueToAdd(): string {\n  last += 1;\n  return VALUES[last];\n}\n`;
    await writeFile(at("policy.ts"), breaking);
    await until(
      /^trap: adder at envoy\/1-adder: proxy_on_\w+: Index out of range at filters\/adder\/policy\.ts:5:\d+\n {4}> return VALUES\[last\];$/m,
    );
    const mended = afterNow();
    await writeFile(at("policy.ts"), policy("6"));
    await mended(/^reloaded: adder/m);
    await expect.poll(() => ask(url)).toBe("6");
  });

  it("keeps the running module when the sources do not compile", async () => {
    const until = afterNow();
    await writeFile(at("policy.ts"), "export function valueToAdd(): string { return nothing; }\n");
    await until(/does not compile: .*; the running module stays\n[\s\S]*in filters\/adder\/policy\.ts\(1,/);
    expect(await ask(url)).toBe("6");
    const mended = afterNow();
    await writeFile(at("policy.ts"), policy("7"));
    await mended(/^reloaded: adder/);
    expect(await ask(url)).toBe("7");
  });

  it("keeps the running module when the new one refuses its configuration", async () => {
    const entry = await readFile(at("index.ts"), "utf8");
    const refusal =
      "override onConfigure(configuration: Bytes): bool {\n    return configuration.size > 99;\n  }\n\n  override shared";
    const until = afterNow();
    await writeFile(at("index.ts"), entry.replace("override shared", refusal));
    await until(/^refused: the new adder: .*; the running module stays$/);
    expect(await ask(url)).toBe("7");
    const mended = afterNow();
    await writeFile(at("index.ts"), entry);
    await writeFile(at("policy.ts"), policy("8"));
    await mended(/^reloaded: adder/);
    expect(await ask(url)).toBe("8");
  });

  it("checks an edited file by the filter's own schema", async () => {
    const until = afterNow();
    await writeFile(path.join(author.root, "adder.yaml"), "shout: loud\n");
    await until(/refused: adder\.yaml:1:\d+: shout: .*the last good settings stay/);
    const mended = afterNow();
    await writeFile(path.join(author.root, "adder.yaml"), "shout: true\n");
    await mended(/^applied: adder at adder\.yaml$/);
  });

  it("checks the file again when the schema is saved", async () => {
    const refused = afterNow();
    await author.write("filters/adder/schema.ts", SCHEMA.replaceAll("shout", "whisper"));
    await refused(/refused: adder\.yaml:1:\d+: shout: .*the last good settings stay/);
    const mended = afterNow();
    await author.write("filters/adder/schema.ts", SCHEMA);
    await mended(/^applied: adder at adder\.yaml$/);
  });

  it("lets validate do the same checks without Envoy", async () => {
    await author.write("filters/adder/adder.yaml", "loud: true\n");
    const files = ["adder.yaml", "filters/adder=adder.yaml", "filters/adder/adder.yaml"];
    const { exitCode, stdout, stderr } = await runMain(["validate", ...files], author.root);
    expect(stdout).toBe("ok adder.yaml (adder)\nok adder.yaml (adder)\n");
    expect(stderr).toMatch(
      /^meshwright: adder configuration refused: filters\/adder\/adder\.yaml:1:1: loud: /,
    );
    expect(exitCode).toBe(1);
  });

  it("ends on Ctrl-C right after a save and leaves nothing", async () => {
    const until = afterNow();
    await writeFile(at("policy.ts"), policy("9"));
    await until(/^reloaded: adder/);
    command.kill("SIGINT");
    expect(await command.exited).toBe(0);
    expect(command.stderr).toBe("");
    expect(processesNaming(author.root)).toEqual([]);
  });

  it("refuses a file that is wrong by the filter's own schema before anything starts", async () => {
    await author.write("wrong.yaml", "loud: true\n");
    const { exitCode, stderr, stdout } = await runMain(
      [...words, "--filter", "filters/adder=wrong.yaml"],
      author.root,
    );
    expect(stderr).toMatch(/^meshwright: adder configuration refused: wrong\.yaml:1:1: loud: /);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  });
});
