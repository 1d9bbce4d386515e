// deadline in a local mesh: two services that hand on `traceparent` and nothing else, and a third
// that says how much time it was told. The sidecars carry the deadline through them.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMesh } from "../../../compose/mesh/up.js";
import { send } from "../../../kit/envoy/client.js";
import { buildFilters } from "../../../toolchain/compile/build.js";
import { copyDemo, type DemoCopy } from "../mesh/demo-copy.js";

/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 200_000;
const JOURNEY_MS = 100_000;

/** Hands requests on. Of `/late`, `back` hands on nothing until nobody waits for it any more. */
const BETWEEN = `
const next = process.env.BACK_URL ?? process.env.LAST_URL;
let late = "none";
require("node:http").createServer(async (request, answer) => {
  const { traceparent } = request.headers;
  const call = () => fetch(next + request.url, { headers: { traceparent } });
  if (process.env.LAST_URL && request.url === "/result") return answer.end(late);
  if (process.env.LAST_URL && request.url === "/late") {
    answer.on("close", async () => { late = String((await call()).status); });
    return;
  }
  const response = await call();
  answer.statusCode = response.status;
  answer.end(await response.text());
}).listen(process.env.PORT, "127.0.0.1");
`;
const LAST = `
let late = 0;
require("node:http").createServer((request, answer) => {
  if (request.url === "/late") late++;
  answer.end(request.url === "/seen" ? String(late) : request.headers["x-request-timeout-ms"] ?? "none");
}).listen(process.env.PORT, "127.0.0.1");
`;

const service = (script: string, calls: readonly string[] = []) => ({
  versions: { v1: { command: [process.execPath, "-e", script] } },
  calls,
  timeout: "100s",
});

function mesh(middle: readonly object[]): string {
  return JSON.stringify({
    name: "journey",
    gateway: { port: 0, routes: [{ prefix: "/", service: "front" }] },
    services: { front: service(BETWEEN, ["back"]), back: service(BETWEEN, ["last"]), last: service(LAST) },
    filters: [
      { filter: "trace-headers", at: ["gateway"], config: {} },
      {
        filter: "deadline",
        at: ["gateway"],
        config: {
          rules: [
            { name: "late", match: { path: { exact: "/late" } }, default: "2s" },
            { name: "journey", default: `${JOURNEY_MS}ms` },
          ],
        },
      },
      ...middle,
    ],
  });
}

const CARRIED = [
  {
    filter: "deadline",
    at: ["inbound"],
    config: { trace: "inbound", header: { trusted: true }, rules: [{ name: "in", max: "1h" }] },
  },
  {
    filter: "deadline",
    at: ["outbound"],
    config: { trace: "outbound", header: { trusted: true }, rules: [{ name: "out", max: "1h" }] },
  },
];

let demo: DemoCopy;

beforeAll(async () => {
  demo = await copyDemo();
  await buildFilters(["trace-headers", "deadline"]);
}, TEST_MS);
afterAll(() => demo?.[Symbol.asyncDispose]());

async function start(middle: readonly object[]) {
  const file = path.join(demo.folder, `journey-${middle.length}.yaml`);
  await writeFile(file, mesh(middle));
  const running = await startMesh({ file, gatewayPort: 0, cwd: demo.folder });
  const ask = async (asked: string) => send(running.plan.gatewayUrl, { path: asked, timeoutMs: TEST_MS });
  return { running, ask };
}

test("a deadline goes through services that hand on only their trace", { timeout: TEST_MS }, async () => {
  const { running, ask } = await start(CARRIED);
  await using _ = running;
  const { status, body } = await ask("/");
  expect(status).toBe(200);
  expect(Number(body)).toBeGreaterThan(0);
  expect(Number(body)).toBeLessThan(JOURNEY_MS);

  // The client has its answer, and what back still does for it is refused.
  expect((await ask("/late")).status).toBe(504);
  await expect.poll(async () => (await ask("/result")).body).toBe("504");
  expect((await ask("/seen")).body).toBe("0");
});

test("without the filter at the services it ends at the first", { timeout: TEST_MS }, async () => {
  const { running, ask } = await start([]);
  await using _ = running;
  expect(await ask("/")).toMatchObject({ status: 200, body: "none" });
});
