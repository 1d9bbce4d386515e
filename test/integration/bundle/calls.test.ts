// What a bundle's filters do beside their own stream: HTTP calls, timers, queues, other streams.
// The same is done in a chain of modules, and must have the same result.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inspectModule } from "../../../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { type BundlePart, bundlePlace } from "../../../toolchain/bundle/entry.js";
import { sourceAt } from "../../../toolchain/compile/source.js";
import { compileProbe, compileTestBundle } from "../../support/compile-probe.js";

const NAMES = ["first", "second", "third"];
const KINDS = ["chain", "bundle"] as const;
type Kind = (typeof KINDS)[number];

let folder: string;
let upstream: Upstream;
let service: Upstream;
let envoys: Readonly<Record<Kind, TestEnvoy>>;
let requests = 0;

/** Calls to /call-slow wait for this. */
let answer = () => {};
let answered = Promise.resolve();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-bundle-calls-"));
  const parts = await Promise.all(NAMES.map(compilePart));
  const bundle = path.join(folder, "bundle.wasm");
  await compileTestBundle({ name: "bundle", base: sourceAt(bundlePlace(PACKAGE_ROOT)), parts }, bundle);
  upstream = await startUpstream({
    respond: () => ({
      headers: [
        ["x-twice", "1"],
        ["x-twice", "2"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
    }),
  });
  service = await startUpstream({ name: "service", respond: answerCall });
  const common = { upstreams: { upstream, service }, workers: 1 };
  const [chain, bundled] = await Promise.all([
    startEnvoy({
      ...common,
      filters: NAMES.map((name) => ({ name, module: moduleOf(name), configuration: {} })),
    }),
    startEnvoy({
      ...common,
      filters: [
        {
          name: "bundle",
          module: bundle,
          configuration: Object.fromEntries(NAMES.map((name) => [name, {}])),
        },
      ],
    }),
  ]);
  envoys = { chain, bundle: bundled };
}, 120_000);

afterAll(async () => {
  answer();
  await Promise.all(Object.values(envoys ?? {}).map((envoy) => envoy[Symbol.asyncDispose]()));
  await Promise.all([upstream, service].map((server) => server?.[Symbol.asyncDispose]()));
  await rm(folder, { recursive: true, force: true });
});

const moduleOf = (name: string) => path.join(folder, `${name}.wasm`);

async function compilePart(name: string): Promise<BundlePart> {
  const entry = `test/probes/bundle-calls/${name}/index.ts`;
  await compileProbe(entry, moduleOf(name));
  const { callbacks } = inspectModule(await readFile(moduleOf(name)));
  return { name, entry: path.join(PACKAGE_ROOT, entry), callbacks };
}

async function answerCall({ path: called }: { readonly path: string }) {
  if (called === "/call-slow") await answered;
  return { status: called === "/later" ? 404 : 200, body: "x" };
}

function hold(): void {
  answered = new Promise((resolve) => {
    answer = resolve;
  });
}

type Headers = Readonly<Record<string, string>>;

/** One request, as the client, the upstream and the probes see it. */
function begin(kind: Kind, id: string, headers: Headers, body?: string) {
  const all: HeaderList[number][] = [["x-id", id], ["host", "mesh.test"], ...Object.entries(headers)];
  const options = body === undefined ? { headers: all } : { method: "POST", headers: all, body };
  return send(envoys[kind].url, options);
}

async function finish(kind: Kind, id: string, response: ReturnType<typeof begin>) {
  const { status, headers } = await response;
  const logs = await linesUntil(kind, id, / third log /);
  return JSON.parse(
    JSON.stringify({ status, headers: stable(headers), upstream: receivedBy(id), logs }).replaceAll(id, "ID"),
  ) as unknown;
}

const UNSTABLE = /^(date|x-request-id|x-envoy-upstream-service-time)$/i;
const stable = (headers: HeaderList) => headers.filter(([name]) => !UNSTABLE.test(name));

function receivedBy(id: string) {
  const received = upstream.requests.find(({ headers }) => headers.some(([, value]) => value === id));
  return received && { headers: stable(received.headers), body: received.body };
}

async function linesUntil(kind: Kind, id: string, last: RegExp): Promise<readonly string[]> {
  for (let i = 0; ; i++) {
    const lines = [...envoys[kind].logs().matchAll(/probe (\S+)( .*)$/gm)]
      .filter(([, stream]) => stream === id)
      .map(([, , line = ""]) =>
        line.replaceAll(/ (x-request-id|date|x-envoy-upstream-service-time)=[^ ]( GMT)?[^=]*(?= |$)/g, ""),
      );
    if (lines.some((line) => last.test(line)) || i === 75) return lines;
    await sleep(40);
  }
}

/** A request has the same result in the bundle and in the chain. */
async function expectSame(headers: Headers, body?: string): Promise<unknown> {
  const [expected, actual] = await Promise.all(
    KINDS.map((kind) => {
      const id = `id-${requests++}-`;
      return finish(kind, id, begin(kind, id, headers, body));
    }),
  );
  expect(actual).toEqual(expected);
  return expected;
}

/** The same for two requests, the first of which waits until the second acts on it. */
async function expectSamePair(waiting: Headers, acting: Headers, body?: string): Promise<unknown> {
  const [expected, actual] = await Promise.all(
    KINDS.map(async (kind) => {
      const ids = [`id-${requests++}-`, `id-${requests++}-`] as const;
      const first = begin(kind, ids[0], waiting, body);
      await sleep(150);
      const second = begin(kind, ids[1], acting, body);
      return Promise.all([finish(kind, ids[0], first), finish(kind, ids[1], second)]);
    }),
  );
  expect(actual).toEqual(expected);
  return expected;
}

describe("in a bundle an HTTP call", () => {
  test.each(NAMES.flatMap((name) => ["call", "call-later"].map((plan) => [name, plan] as const)))(
    "of the filter %j, %j, holds the request until the answer has arrived",
    async (name, plan) => {
      const outcome = await expectSame({ [`x-${name}`]: plan });
      const status = plan === "call" ? 200 : 404;
      expect(JSON.stringify(outcome)).toContain(`["x-${name}-called","response ${status} for ID"]`);
    },
  );

  test("of each filter, one after the other", async () => {
    const outcome = await expectSame(
      { "x-first": "call", "x-second": "call-later", "x-third": "call" },
      "body",
    );
    expect(JSON.stringify(outcome)).toContain('["x-third-called","response 200 for ID"]');
  });

  test("gets its own answer, when many requests make one at once", async () => {
    const plans = ["call", "call-later"];
    const all = Array.from({ length: 100 }, (_, i) =>
      expectSame({ "x-first": plans[i % 2] ?? "", "x-third": plans[(i + 1) % 2] ?? "" }),
    );
    for (const outcome of await Promise.all(all)) expect(JSON.stringify(outcome)).toContain("x-third-called");
  });

  test("is forgotten when its client has left", async () => {
    hold();
    const before = service.requests.length;
    const clients = Array.from({ length: 20 }, () => {
      const client = httpRequest(envoys.bundle.url, {
        headers: { "x-id": "gone-", "x-second": "call-slow" },
      });
      client.on("error", () => {});
      client.end();
      return client;
    });
    while (service.requests.length < before + clients.length) await sleep(20);
    for (const client of clients) client.destroy();
    const lines = await linesUntil("bundle", "gone-", / second log /);
    expect(lines).toContain(" second log of gone-");
    answer();
    await expectSame({ "x-second": "call" });
    expect(upstream.requests.filter(({ headers }) => headers.some(([, value]) => value === "gone-"))).toEqual(
      [],
    );
  });
});

describe("in a bundle a filter that, while it handles one request,", () => {
  test.each(["release", "release-at-response", "release-at-done", "release-at-log"])(
    "resumes another (%s) does not move the filters behind it to the other",
    async (plan) => {
      const outcome = await expectSamePair({ "x-second": "wait" }, { "x-second": plan });
      expect(JSON.stringify(outcome)).toContain('["x-third-saw","ID"]');
    },
  );

  test("resumes another in the middle of a body does what it does in a chain", async () => {
    await expectSamePair({ "x-second": "hold" }, { "x-second": "release-at-body" }, "body");
  });

  test.each(["release", "release-at-response", "release-at-log"])(
    "resumes another (%s), which is then answered, continues with its own",
    async (plan) => {
      const outcome = await expectSamePair({ "x-second": "wait", "x-third": "reply" }, { "x-second": plan });
      expect(outcome).toMatchObject([{ status: 403 }, { status: 200 }]);
    },
  );

  test("switches to another does not move the filters behind it to the other", async () => {
    const outcome = await expectSamePair({ "x-first": "wait" }, { "x-first": "read-others" });
    expect(JSON.stringify(outcome)).toContain('["x-third-saw","ID"]');
  });
});

test("a request that is answered, and then resumed while the answer is held, reaches no further filter", async () => {
  const plans = { "x-first": "hold-response", "x-second": "reply-then-resume" };
  const [chain, bundle] = await Promise.all(
    KINDS.map(async (kind) => {
      const { status, headers, body } = await begin(kind, "answered", plans);
      return { status, headers: stable(headers), body };
    }),
  );
  expect(chain).toMatchObject({ status: 403, body: "late second first" });
  expect(bundle).toEqual(chain);
  expect(receivedBy("answered")).toBeUndefined();
});

test("a timer that a root's constructor set runs", async () => {
  for (const kind of KINDS) {
    for (const name of NAMES) {
      const said = () => envoys[kind].logs().includes(`probe started ${name} .`);
      await expect.poll(said, { message: `${kind} ${name}` }).toBe(true);
    }
  }
});

test("an entry of a queue goes to the filter that registered the queue", async () => {
  for (const kind of KINDS) {
    for (const name of NAMES) await begin(kind, "queue", { [`x-${name}`]: "enqueue" });
  }
  const ofQueues = (kind: Kind) =>
    [...envoys[kind].logs().matchAll(/probe queue (\S+ has .*)$/gm)].map(([, line]) => line).sort();
  for (let i = 0; ofQueues("chain").length < 3 && i < 50; i++) await sleep(40);
  expect(ofQueues("chain")).toEqual(["first has of first", "second has of second", "third has of third"]);
  expect(ofQueues("bundle")).toEqual(ofQueues("chain"));
});

describe("the headers that the filters of a bundle share", () => {
  const NAMES_OF_HEADERS = [
    "x-a",
    "x-twice",
    "cookie",
    "set-cookie",
    "user-agent",
    "accept",
    "accept-encoding",
    "te",
    "via",
    "host",
    ":path",
    ":authority",
    "content-type",
    "x-forwarded-for",
    "x-envoy-retry-on",
    "X-A",
    "grpc-timeout",
    "connection",
    "x-forwarded-proto",
    "cache-control",
    "vary",
    "server",
  ];

  /** Numbers from 0 to below 1, the same in each run. */
  function numbers(seed: number): () => number {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
  }

  function edits(random: () => number): string {
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const count = 1 + Math.floor(random() * (random() < 0.1 ? 30 : 6));
    const list = Array.from({ length: count }, () => {
      const name = pick(NAMES_OF_HEADERS);
      const kind = pick(["+", "+", "=", "=", "-", "?", "?", "!"]);
      if (kind === "-" && name.startsWith(":")) return "?";
      const value =
        name === ":path" ? "/p" : pick(["", "v", "gzip", "two words", "a, b", " padded ", "\u00e9"]);
      return kind === "?" || kind === "!" ? kind : `${kind}${name}=${value}`;
    });
    return ["?", ...list, "?"].join("|");
  }

  test.each([1, 2, 3, 4])(
    "are the ones that the filters of a chain see, whatever they edit (%i)",
    async (seed) => {
      const random = numbers(seed);
      for (let i = 0; i < 40; i++) {
        const headers: Record<string, string> = { cookie: "c=1", accept: "text/plain", "x-twice": "1" };
        for (const name of NAMES) {
          headers[`x-${name}-request`] = edits(random);
          headers[`x-${name}-response`] = edits(random);
        }
        await expectSame(headers);
      }
    },
  );
});
