// The page of fault-injection as a reader would try it: `meshwright run` with its examples before a
// plain HTTP server.

import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { CliProcess } from "../commands/cli-process.js";

const README = fileURLToPath(new URL("../../../filters/fault-injection/README.md", import.meta.url));
/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 100_000;

let folder: string;
let upstream: Upstream;
/** The page's examples, in their order. */
let examples: readonly string[];
let received = 0;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "fault-injection-")));
  upstream = await startUpstream({ respond: () => ({ body: "served" }) });
  examples = [...(await readFile(README, "utf8")).matchAll(/```yaml\n(.*?)```/gs)].map(
    ([, yaml = ""]) => yaml,
  );
});

afterAll(async () => {
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(() => {
  received = upstream.requests.length;
});

/** The command before the upstream with this file as the filter's, and its address. */
async function run(yaml: string, ...words: string[]): Promise<{ command: CliProcess; url: string }> {
  await writeFile(path.join(folder, "faults.yaml"), yaml);
  const server = ["--upstream", `http://127.0.0.1:${upstream.port}`, "--port", "0"];
  const command = new CliProcess(
    ["run", ...server, "--filter", "fault-injection=faults.yaml", ...words],
    folder,
  );
  return { command, url: (await command.until(/listens on (http:\S+),/))[1] ?? "" };
}

describe("the first example", { timeout: TEST_MS }, () => {
  let command: CliProcess;
  let url: string;

  beforeAll(async () => {
    ({ command, url } = await run(examples[0] ?? ""));
  }, TEST_MS);

  afterAll(() => command?.[Symbol.asyncDispose]());

  test("fails about one in twenty reads of the stock, and says so", async () => {
    let aborted = 0;
    for (let i = 0; i < 400; i += 20) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => send(url, { path: "/stock" })));
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        expect(answer).toMatchObject({ status: 503, body: '{"error": "out of order"}' });
        expect(answer.header("content-type")).toBe("application/json");
        expect(answer.header("retry-after")).toBe("1");
        expect(answer.header("x-fault")).toBe("no-stock;outcome=aborted");
        aborted++;
      }
    }
    // Six standard deviations around 20.
    expect(aborted).toBeGreaterThan(0);
    expect(aborted).toBeLessThan(47);
    expect(upstream.requests.length - received).toBe(400 - aborted);
    expect((await send(url, { path: "/stock", method: "POST", body: "x" })).status).toBe(200);
  });

  test("makes one user in four wait at the checkout, always the same users", async () => {
    const delayed = async () => {
      const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
      const answers = await Promise.all(
        users.map((user) => send(url, { path: "/checkout/pay", headers: [["x-user-id", user]] })),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      return users.filter((_, i) => answers[i]?.header("x-fault") === "slow-checkout;outcome=delayed");
    };
    const first = await delayed();
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(27);
    expect(await delayed()).toEqual(first);
  });

  test("counts the images that would have been slow, and lets them pass", async () => {
    const answer = await send(url, { path: "/images/cat.png" });
    expect(answer).toMatchObject({ status: 200, body: "served" });
    expect(answer.header("x-fault")).toBe("slow-images;outcome=shadow-response");
  });

  test("is changed by an edit of the file while it runs", async () => {
    await writeFile(path.join(folder, "faults.yaml"), "rules: [{ name: all, abort: { status: 418 } }]\n");
    await command.until(/applied: fault-injection at faults\.yaml/);
    await expect.poll(async () => (await send(url)).status).toBe(418);
  });
});

test("the example for a cluster's chain fails first attempts, and the route's retries succeed", {
  timeout: TEST_MS,
}, async () => {
  const { command, url } = await run(examples[1] ?? "", "--retry-on", "5xx", "--retries", "1");
  await using _ = command;
  for (let i = 0; i < 10; i++) expect(await send(url)).toMatchObject({ status: 200, body: "served" });
  const attempts = upstream.requests.slice(received).map((each) => each.header("x-envoy-attempt-count"));
  expect(attempts).toEqual(Array.from({ length: 10 }, () => ["1", "2"]).flat());
});
