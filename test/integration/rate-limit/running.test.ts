// rate-limit in a running stock Envoy: changes of its configuration under load, hostile requests,
// and its README through `meshwright run`.

import { readFileSync } from "node:fs";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { runLoad } from "../../support/load.js";
import { CliProcess } from "../commands/cli-process.js";
import { expectAlive, type LimitEnvoy, type LimitRule, startLimitEnvoy } from "./limit-envoy.js";

const FILTER = "rate-limit";
const README = new URL("../../../filters/rate-limit/README.md", import.meta.url);

let limited: LimitEnvoy;
let names = 0;

beforeAll(async () => {
  limited = await startLimitEnvoy({
    listenerOptions: { maxRequestHeaders: 2000, maxRequestHeadersKb: 8192 },
  });
});
afterAll(() => limited?.[Symbol.asyncDispose]());
beforeEach(() => {
  showLogsOnFailure(limited.envoy);
});

const newName = () => `running-${names++}`;

describe("a change of the configuration", () => {
  test("keeps the buckets of a rule that does not change, whatever rules come or go beside it", async () => {
    const rule: LimitRule = { name: newName(), local: { limit: 3, unit: "hour" } };
    await limited.rules(rule);
    expect(await limited.statuses(2)).toEqual([200, 200]);
    await limited.rules(
      { name: newName(), match: { method: "POST" }, local: { limit: 1, unit: "day" } },
      rule,
    );
    expect(await limited.statuses(2)).toEqual([200, 429]);
    await limited.configure({ headers: "ietf", rules: [rule] });
    expect(await limited.statuses(2)).toEqual([429, 429]);
  });

  test("under load loses no request, and no more pass than the limit", async () => {
    const rule: LimitRule = { name: newName(), local: { limit: 400, unit: "hour" } };
    await limited.rules(rule);
    const load = runLoad({ port: limited.envoy.port, connections: 16, rate: 500, forMs: 4000 });
    let running = true;
    const ended = load.finally(() => {
      running = false;
    });
    while (running) {
      await limited.configure({ headers: "ietf", rules: [rule] });
      await limited.configure({ headers: "none", rules: [rule] });
    }
    const { statuses, answers } = await ended;
    expect((statuses[200] ?? 0) + (statuses[429] ?? 0)).toBe(answers.length);
    expect(statuses[200]).toBe(400);
  });

  test.each([
    ["rules[0].local.limit", { rules: [{ name: "a", local: { limit: 0, unit: "hour" } }] }],
    ["rules[0].local.unit", { rules: [{ name: "a", local: { limit: 1, unit: "week" } }] }],
    ["rules[0].local.burst", { rules: [{ name: "a", local: { limit: 1, unit: "hour", burst: -1 } }] }],
    ["rules[0].key", { rules: [{ name: "a", key: [], local: { limit: 1, unit: "hour" } }] }],
    [
      "rules[0].share.percentage",
      { rules: [{ name: "a", share: { percentage: 101 }, local: { limit: 1, unit: "hour" } }] },
    ],
    ["answer.status", { answer: { status: 200 }, rules: [] }],
    ["answer.grpcStatus", { answer: { grpcStatus: 17 }, rules: [] }],
    ["headers", { headers: "all", rules: [] }],
    [
      "rules[0].exempt.clientAddresses[0]",
      {
        rules: [
          { name: "a", exempt: { clientAddresses: ["10.0.0.0/33"] }, local: { limit: 1, unit: "hour" } },
        ],
      },
    ],
    ["rules[0]", { rules: [{ name: "a" }] }],
    [
      "rules",
      {
        rules: [
          { name: "a", local: { limit: 1, unit: "hour" } },
          { name: "a", local: { limit: 1, unit: "hour" } },
        ],
      },
    ],
  ] as const)("that is wrong at %s is refused there, and the last good one serves on", async (at, wrong) => {
    const rule: LimitRule = { name: newName(), local: { limit: 2, unit: "hour" } };
    await limited.rules(rule);
    expect(await limited.statuses(1)).toEqual([200]);
    expect(await limited.envoy.configure(FILTER, wrong as unknown as Json)).toMatchObject({
      accepted: false,
      reason: expect.stringContaining(`rate-limit: configuration refused: ${at}`),
    });
    expect(await limited.statuses(2)).toEqual([200, 429]);
    await limited.rules(rule);
  });
});

test("two plugins in one VM with rules of one name count separately", async () => {
  const filter = (name: string, limit: number) => ({
    name,
    module: FILTER,
    vmId: "shared",
    configuration: {
      explainHeader: `x-${name}`,
      rules: [{ name: "same", local: { limit, unit: "hour" } }],
    },
  });
  await using envoy = await startEnvoy({
    filters: [filter("outer", 5), filter("inner", 3)],
    upstreams: { one: limited.upstream },
  });
  const statuses: number[] = [];
  for (let i = 0; i < 7; i++) statuses.push((await send(envoy.url)).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429, 429, 429]);
});

describe("a hostile request", () => {
  const everywhere: LimitRule["key"] = [
    { header: "x-user" },
    { cookie: "sid" },
    { query: "q" },
    { pathSegment: 0 },
    { clientAddress: true },
    { principal: true },
    { jwtClaim: { payload: "jwt_payload", claim: ["sub"] } },
    { route: true },
  ];
  const strict = () =>
    limited.configure({
      headers: "ietf",
      explainHeader: "x-explain",
      rules: [
        {
          name: newName(),
          key: everywhere,
          cost: { header: "x-cost" },
          local: { limit: 1000, unit: "second", keys: 100 },
        },
      ],
    });
  const raw = (head: string, target = "/") =>
    rawHttp1(
      limited.envoy.port,
      Buffer.from(`GET ${target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n${head}\r\n`, "latin1"),
    );

  test.each([
    ["invalid UTF-8", "x-user: \xc0\xaf\xff\r\ncookie: \xf8=\xff; sid=\xc0\x80\r\nx-cost: \xff\r\n", "/"],
    ["empty values", "x-user:\r\ncookie:\r\nx-cost:\r\nx-forwarded-for:\r\n", "/?q=&=&&"],
    ["a value of 7 MB", `x-user: ${"u".repeat(7 * 1024 * 1024)}\r\n`, "/"],
    ["a value of 10 MB", `x-user: ${"u".repeat(10 * 1024 * 1024)}\r\n`, "/"],
    ["a cookie of 1 MB", `cookie: ${"sid=;".repeat(200_000)}\r\n`, "/"],
    ["1,500 repeats", "x-user: a\r\nx-cost: 2\r\nx-forwarded-for: 1.1.1.1\r\n".repeat(500), "/"],
    ["a NUL", "x-user: a\0b\r\n", "/"],
    ["line ends in escapes", "x-user: %0d%0aset-cookie: a=b\r\n", "/%0d%0a?q=%0d%0a%00"],
    ["a huge cost", `x-cost: ${"9".repeat(10_000)}\r\n`, "/"],
    ["invalid addresses", `x-forwarded-for: ${"1.2.3.4.".repeat(1000)}, ::::::::1%25\r\n`, "/"],
    ["a query of 60 KB", "", `/?${"q=%41&%".repeat(9000)}`],
    ["a path of separators", "", `/${"/".repeat(5000)}`],
  ])("with %s is answered, and traps nothing", async (_, head, target) => {
    await strict();
    expect(await raw(head, target)).toMatch(/^(HTTP\/1\.1 (200|400|413|429|431) |$)/);
    await expectAlive(limited);
  });

  test("is counted by all lines of a repeated header, as by Envoy's own rate limit", async () => {
    await limited.rules({ name: newName(), key: [{ header: "x-user" }], local: { limit: 2, unit: "hour" } });
    const statuses: number[] = [];
    for (const second of ["b", "b", "b", "c"]) {
      const headers: [string, string][] = [
        ["x-user", "a"],
        ["x-user", second],
      ];
      statuses.push(...(await limited.statuses(1, { headers })));
    }
    expect(statuses).toEqual([200, 200, 429, 200]);
    expect(await limited.statuses(1, { headers: [["x-user", "a,b"]] })).toEqual([429]);
  });
});

describe("the README", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await realpath(await mkdtemp(path.join(tmpdir(), "limit-run-")));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("has an example that limits a plain HTTP server through meshwright run", async () => {
    const [, example = ""] = /```yaml\n(.*?)```/s.exec(readFileSync(README, "utf8")) ?? [];
    await writeFile(path.join(folder, "limits.yaml"), example);
    const server = createServer((_request, response) => response.end("plain"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await using command = new CliProcess(
        ["run", "--upstream", origin, "--filter", `${FILTER}=limits.yaml`, "--port", "0"],
        folder,
      );
      const [, url = ""] = await command.until(/listens on (http:\S+),/);
      const ask = () => send(url, { headers: [["x-user-id", "ann"]] });
      const first = await ask();
      expect(first).toMatchObject({ status: 200, body: "plain" });
      // What the page says below the example.
      expect(first.header("ratelimit-policy")).toBe('"per-user";q=100;w=1, "per-client";q=600;w=60');
      const began = performance.now();
      const answers = await Promise.all(Array.from({ length: 90 }, ask));
      const refilled = Math.ceil((performance.now() - began) / 100);
      const passed = answers.filter(({ status }) => status === 200).length;
      expect(passed).toBeGreaterThanOrEqual(49);
      expect(passed).toBeLessThanOrEqual(50 + refilled);
      const refused = answers.find(({ status }) => status === 429);
      expect(refused?.header("retry-after")).toBe("1");
      expect(refused?.header("ratelimit")).toMatch(/"per-client";r=0;t=\d/);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }, 100_000);
});
