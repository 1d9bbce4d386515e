// The cookie of a split in stock Envoy: a real client with a cookie jar, the responses on which it
// is set, and clients that mean harm.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { connectHttp2, startUpgradeServer, upgrade } from "../../support/upgrades.js";
import { Browser, settingsIn } from "./browser.js";
import { type RoutingEnvoy, startRoutingEnvoy, upstreamOf } from "./routing-envoy.js";

const FILTER = "header-routing";
const SECRET = "a secret of some length";
const ID = "0123456789abcdef0123456789abcdef";
const run = promisify(execFile);
const hasCurl = await run("curl", ["--version"]).then(
  () => true,
  () => false,
);

type Cookie = NonNullable<NonNullable<HeaderRoutingConfig["rules"][number]["split"]>["cookie"]>;

const split = (cookie: Cookie = {}): HeaderRoutingConfig => ({
  rules: [
    {
      name: "canary",
      split: {
        cookie,
        destinations: [
          { name: "v1", weight: 50 },
          { name: "v2", weight: 50 },
        ],
      },
    },
  ],
});

const plainSplit = split() as unknown as Json;

let routing: RoutingEnvoy;
let folder: string;

beforeAll(async () => {
  [routing, folder] = await Promise.all([
    startRoutingEnvoy(),
    mkdtemp(path.join(tmpdir(), "meshwright-cookies-")),
  ]);
});

afterAll(async () => {
  await routing?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe.runIf(hasCurl)("curl with a jar", () => {
  /** The upstream that answers, with the cookies of this jar. */
  async function fetched(jar: string, target = "/"): Promise<string> {
    const { stdout } = await run("curl", ["-sS", "-b", jar, "-c", jar, `${routing.envoy.url}${target}`]);
    return (JSON.parse(stdout) as { upstream: string }).upstream;
  }

  test.each<[string, Cookie]>([
    ["a plain cookie", {}],
    ["a signed one", { secrets: [SECRET] }],
    ["one with an age", { name: "v", maxAge: "1h", refresh: true }],
    ["one that is strict", { name: "strict", sameSite: "strict", httpOnly: false }],
  ])("is a visitor who stays, by %s", async (what, cookie) => {
    await routing.configure(split(cookie));
    for (let person = 0; person < 4; person++) {
      const jar = path.join(folder, `${what}-${person}`.replaceAll(" ", "-"));
      const first = await fetched(jar);
      const kept = await readFile(jar, "utf8");
      expect(kept).toMatch(new RegExp(`\\t${cookie.name ?? "mesh-visitor"}\\t[0-9a-f]{32}`));
      for (let i = 0; i < 5; i++) expect(await fetched(jar)).toBe(first);
      const valueIn = (text: string) => /[0-9a-f]{32}.*/.exec(text)?.[0];
      expect(valueIn(await readFile(jar, "utf8"))).toBe(valueIn(kept));
    }
  });

  test("sends a cookie with a path below it alone", async () => {
    await routing.configure(split({ path: "/shop" }));
    const jar = path.join(folder, "path");
    const first = await fetched(jar, "/shop");
    for (let i = 0; i < 5; i++) expect(await fetched(jar, "/shop/cart")).toBe(first);
    const sent = async (target: string) => {
      const { stdout } = await run("curl", ["-sS", "-b", jar, `${routing.envoy.url}${target}`]);
      return stdout.includes("mesh-visitor=");
    };
    expect(await sent("/shop/cart")).toBe(true);
    expect(await sent("/other")).toBe(false);
  });
});

describe("the cookie is set on", () => {
  test("a response with cookies of the application, which stay", async () => {
    await using upstream = await startUpstream({
      name: "v1",
      respond: () => ({
        headers: [
          ["set-cookie", "a=1; Path=/"],
          ["set-cookie", "b=2"],
        ],
      }),
    });
    await using envoy = await startEnvoy({
      filters: [{ name: FILTER, module: FILTER, configuration: plainSplit }],
      upstreams: { v1: upstream, v2: upstream },
    });
    for (const protocol of ["http1", "http2"] as const) {
      const visitor = expect.stringMatching(/^mesh-visitor=[0-9a-f]{32}; /);
      expect(settingsIn(await send(envoy.url, { protocol }))).toEqual(["a=1; Path=/", "b=2", visitor]);
    }
  });

  test("an answer that Envoy gives itself, and the visitor comes to the same place after it", async () => {
    await routing.configure(split());
    const browser = new Browser(routing.envoy.url);
    await Promise.all([routing.upstreams.v1.stop(), routing.upstreams.v2.stop()]);
    const failed = await browser.visit();
    await Promise.all([routing.upstreams.v1.start(), routing.upstreams.v2.start()]);
    expect(failed.status).toBe(503);
    expect(settingsIn(failed)).toHaveLength(1);
    const first = await browser.visit();
    expect(settingsIn(first)).toEqual([]);
    expect(upstreamOf(await browser.visit())).toBe(upstreamOf(first));
  });

  test("no answer to a request that a filter before it has refused", async () => {
    await using limited = await startEnvoy({
      filters: [
        {
          name: "limit",
          module: "rate-limit",
          configuration: { rules: [{ name: "all", local: { limit: 1, unit: "day" } }] },
        },
        { name: FILTER, module: FILTER, configuration: plainSplit },
      ],
      upstreams: routing.upstreams,
    });
    expect(settingsIn(await send(limited.url))).toHaveLength(1);
    const refused = await send(limited.url);
    expect(refused.status).toBe(429);
    expect(settingsIn(refused)).toEqual([]);
  });

  test("a WebSocket's answer without harm", async () => {
    await using server = await startUpgradeServer();
    await using envoy = await startEnvoy({
      filters: [{ name: FILTER, module: FILTER, configuration: plainSplit }],
      upstreams: { v1: server, v2: server },
      listenerOptions: { upgrades: ["websocket"] },
    });
    const open = { status: 101, accepted: true, text: "HELLO AGAIN" };
    expect(await upgrade(`${envoy.url}/chat`, "websocket", {})).toEqual(open);
    expect(await connectHttp2(`${envoy.url}/chat`, {})).toEqual({ status: 200, text: "HELLO" });
  });
});

describe("a hostile client", () => {
  const raw = (head: string): Promise<string> =>
    rawHttp1(
      routing.envoy.port,
      Buffer.from(`GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n${head}\r\n`, "latin1"),
    );

  test.each([
    ["an empty cookie", "cookie: mesh-visitor=\r\n"],
    ["a destination's name", "cookie: mesh-visitor=v2\r\n"],
    ["a plain id where they are signed", `cookie: mesh-visitor=${ID}\r\n`],
    ["a signature that is made up", `cookie: mesh-visitor=${ID}.0123456789abcdef\r\n`],
    ["bytes that are no UTF-8", "cookie: mesh-visitor=\xff\xfe\xc0\xaf\r\n"],
    ["a cookie of 60 KiB", `cookie: mesh-visitor=${"0".repeat(61_440)}\r\n`],
    ["thousands of cookies", `cookie: ${`mesh-visitor=${ID}.0;`.repeat(1_200)}\r\n`],
    ["nine hundred lines", `cookie: mesh-visitor=${ID}\r\n`.repeat(900)],
    ["nothing but marks", "cookie: ;;;===;;;mesh-visitor==;\r\n"],
  ])("with %s gets a cookie as a new visitor does", async (_, head) => {
    await routing.configure(split({ secrets: [SECRET] }));
    const answer = await raw(head);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.match(/^set-cookie: .*$/gim)).toEqual([
      expect.stringMatching(/^set-cookie: mesh-visitor=[0-9a-f]{32}\.[0-9a-f]{16}; Path=\/; /),
    ]);
    expect((await routing.envoy.admin.stats("vm_reload$")).get(`wasm.${FILTER}.vm_reload`)).toBe(0);
    expect(routing.envoy.logs()).not.toContain("Function: proxy_on_");
  });

  test("cannot sign an id of its own", async () => {
    await routing.configure(split({ secrets: [SECRET] }));
    const browser = new Browser(routing.envoy.url);
    await browser.visit();
    const signed = browser.cookies.get("mesh-visitor") ?? "";
    expect(settingsIn(await browser.visit())).toEqual([]);
    browser.cookies.set("mesh-visitor", `${ID}${signed.slice(ID.length)}`);
    expect(settingsIn(await browser.visit())).toHaveLength(1);
    expect(browser.cookies.get("mesh-visitor")).not.toContain(ID);
  });
});

test("a secret that changes moves nobody, as long as the old one is listed", async () => {
  await routing.configure(split({ secrets: [SECRET] }));
  const browsers = Array.from({ length: 20 }, () => new Browser(routing.envoy.url));
  const placed = () => Promise.all(browsers.map(async (each) => upstreamOf(await each.visit())));
  const before = await placed();
  await routing.configure(split({ secrets: ["another secret of mine", SECRET] }));
  expect(await placed()).toEqual(before);
  await routing.configure(split({ secrets: ["another secret of mine"] }));
  for (const browser of browsers) expect(settingsIn(await browser.visit())).toEqual([]);
  expect(await placed()).toEqual(before);
});
