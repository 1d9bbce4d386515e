// The cookie of a split, in the in-process host: who gets one, what it holds, and which ones count.

import { beforeAll, describe, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../../kit/host/load.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { buildFilters } from "../../../toolchain/compile/build.js";
import type { HeaderRoutingConfig } from "../schema.js";

type Split = NonNullable<HeaderRoutingConfig["rules"][number]["split"]>;
type Cookie = NonNullable<Split["cookie"]>;

const SECRET = "a secret of some length";
const OTHER_SECRET = "a secret of another day";
const ID = "0123456789abcdef0123456789abcdef";
const NEW = /^mesh-visitor=[0-9a-f]{32}; Path=\/; SameSite=Lax; HttpOnly$/;
const DESTINATIONS = [
  { name: "v1", weight: 50 },
  { name: "v2", weight: 50 },
];

let path: string;
let module: HostedModule;

beforeAll(async () => {
  const [built] = await buildFilters(["header-routing"]);
  if (built === undefined) throw new Error("header-routing was not built");
  path = built.path;
  module = loadModule(path);
});

const split = (cookie: Cookie = {}, more: Partial<Split> = {}): HeaderRoutingConfig => ({
  rules: [{ name: "canary", split: { cookie, destinations: DESTINATIONS, ...more } }],
});

function configure(config: HeaderRoutingConfig): void {
  expect(module.configure(JSON.stringify(config))).toEqual({ accepted: true, logs: [] });
}

const request = (cookies?: string, ...more: HeaderList): HeaderList => [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
  ...(cookies === undefined ? [] : [["cookie", cookies] as const]),
  ...more,
];
const valuesOf = (headers: HeaderList, name: string) =>
  headers.filter(([each]) => each === name).map(([, value]) => value);

interface Visit {
  readonly destination: string | undefined;
  /** What the response sets. */
  readonly set: readonly string[];
  /** The cookie that a browser then has, `name=value`. */
  readonly kept: string;
}

/** One request with these cookies. */
function visit(cookies?: string, ...more: HeaderList): Visit {
  const exchange = module.exchange(request(cookies, ...more));
  const set = valuesOf(exchange.response, "set-cookie");
  const [destination] = valuesOf(exchange.request, "x-mesh-destination");
  return { destination, set, kept: set[0]?.split(";")[0] ?? cookies ?? "" };
}

describe("a visitor without a cookie", () => {
  test("gets one with an id, and goes to the same destination ever after, in every Envoy", () => {
    configure(split());
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const first = visit();
      expect(first.set).toEqual([expect.stringMatching(NEW)]);
      expect(visit(first.kept)).toEqual({ ...first, set: [] });
      seen.add(first.kept);
    }
    expect(seen.size).toBe(200);
    const anywhere = [...seen].map((cookie) => visit(cookie).destination);
    module = loadModule(path);
    configure(split());
    expect([...seen].map((cookie) => visit(cookie).destination)).toEqual(anywhere);
    expect(new Set(anywhere)).toEqual(new Set(["v1", "v2"]));
  });

  test("costs two more host calls, a visitor with one none", () => {
    configure(split());
    module.exchange(request());
    expect(Object.fromEntries(module.exchange(request()).hostCalls)).toEqual({
      proxy_get_header_map_value: 2,
      proxy_add_header_map_value: 2,
      proxy_increment_metric: 1,
    });
    module.exchange(request(`mesh-visitor=${ID}`));
    expect(Object.fromEntries(module.exchange(request(`mesh-visitor=${ID}`)).hostCalls)).toEqual({
      proxy_get_header_map_pairs: 1,
      proxy_add_header_map_value: 1,
      proxy_increment_metric: 1,
    });
  });

  test("is in the part of the weights", () => {
    const destinations = [
      { name: "v1", weight: 90 },
      { name: "v2", weight: 10 },
    ];
    configure(split({}, { destinations }));
    let second = 0;
    for (let i = 0; i < 20_000; i++) if (visit().destination === "v2") second++;
    expect(second).toBeGreaterThan(1_800);
    expect(second).toBeLessThan(2_200);
  });

  test("keeps the cookies of the application", () => {
    configure(split());
    const own: HeaderList = [
      [":status", "200"],
      ["set-cookie", "a=1; Path=/"],
      ["set-cookie", "mesh-visitor=theirs"],
    ];
    const { response } = module.exchange(request(), { response: own });
    expect(response.slice(0, 3)).toEqual(own);
    expect(valuesOf(response, "set-cookie")).toEqual([
      "a=1; Path=/",
      "mesh-visitor=theirs",
      expect.stringMatching(NEW),
    ]);
  });

  test("gets none where another rule decides", () => {
    const [canary] = split().rules;
    if (canary === undefined) throw new Error("no rule");
    const fixed = { name: "fixed", match: { path: { exact: "/" } }, destination: "v1" };
    configure({ rules: [fixed, canary] });
    expect(visit()).toEqual({ destination: "v1", set: [], kept: "" });
  });
});

test("a request with the key goes by the key, and gets no cookie", () => {
  configure(split({}, { key: { header: "x-user" }, pins: [{ keys: ["alice", ID], destination: "v3" }] }));
  expect(visit(undefined, ["x-user", "alice"])).toMatchObject({ destination: "v3", set: [] });
  const byKey = visit(undefined, ["x-user", "bob"]);
  expect(byKey.set).toEqual([]);
  for (let i = 0; i < 20; i++) {
    expect(visit(visit().kept, ["x-user", "bob"]).destination).toBe(byKey.destination);
  }
  const stranger = visit(undefined, ["x-user", ""]);
  expect(stranger.set).toEqual([expect.stringMatching(NEW)]);
  expect(visit(stranger.kept).destination).toBe(stranger.destination);
  // A pin is about a key: whoever writes a pinned key into the cookie has not said it.
  expect(visit(`mesh-visitor=${ID}`).destination).not.toBe("v3");
});

test.each<[Cookie, string]>([
  [{}, "mesh-visitor=ID; Path=/; SameSite=Lax; HttpOnly"],
  [{ httpOnly: false, sameSite: "strict" }, "mesh-visitor=ID; Path=/; SameSite=Strict"],
  [
    { name: "__Host-v", secure: true, sameSite: "none", maxAge: "720h" },
    "__Host-v=ID; Path=/; Max-Age=2592000; SameSite=None; Secure; HttpOnly",
  ],
  [
    { name: "v", path: "/shop", domain: "shop.test", maxAge: "1000ms" },
    "v=ID; Path=/shop; Domain=shop.test; Max-Age=1; SameSite=Lax; HttpOnly",
  ],
])("%j is set as %s", (cookie, expected) => {
  configure(split(cookie));
  expect(visit().set.map((each) => each.replace(/=[0-9a-f]{32};/, "=ID;"))).toEqual([expected]);
});

describe("a bad cookie is none, and a new one takes its place:", () => {
  const plain: readonly [string, string][] = [
    ["an empty one", "mesh-visitor="],
    ["one without a value", "mesh-visitor"],
    ["a destination's name", "mesh-visitor=v2"],
    ["an id with capitals", `mesh-visitor=${ID.toUpperCase()}`],
    ["one digit less", `mesh-visitor=${ID.slice(1)}`],
    ["one digit more", `mesh-visitor=${ID}0`],
    ["another character", `mesh-visitor=${ID.slice(1)}g`],
    ["a signed one where none is signed", `mesh-visitor=${ID}.0123456789abcdef`],
    ["two in one line", `mesh-visitor=${ID},${ID}`],
    ["another name", `Mesh-Visitor=${ID}; mesh-visitors=${ID}; xmesh-visitor=${ID}`],
    ["60 KB", `mesh-visitor=${"0".repeat(61_440)}`],
    ["bytes that are no UTF-8", "mesh-visitor=\xff\xfe\xc0\xaf"],
    ["a NUL", `mesh-visitor=${ID.slice(1)}\0`],
    ["nothing but marks", ";;=;;mesh-visitor==;;"],
    ["the ninth, behind eight bad ones", `${"mesh-visitor=x; ".repeat(8)}mesh-visitor=${ID}`],
    ["behind thousands", `${"mesh-visitor=x;".repeat(4_000)}mesh-visitor=${ID}`],
  ];

  test.each(plain)("%s", (_, cookies) => {
    configure(split());
    expect(visit(cookies).set).toEqual([expect.stringMatching(NEW)]);
  });

  test.each<[string, (signed: string) => string]>([
    ["a plain one where they are signed", () => ID],
    ["another signature", (signed) => `${signed.slice(0, -1)}${signed.endsWith("0") ? "1" : "0"}`],
    ["another id", (signed) => `${signed.startsWith("0") ? "1" : "0"}${signed.slice(1)}`],
    ["the signature in capitals", (signed) => `${signed.slice(0, 33)}${signed.slice(33).toUpperCase()}G`],
    ["another mark before the signature", (signed) => signed.replace(".", "-")],
    ["no signature", (signed) => signed.slice(0, 33)],
    ["a signature of zeros", (signed) => `${signed.slice(0, 33)}${"0".repeat(16)}`],
    ["more behind the signature", (signed) => `${signed}0`],
  ])("with secrets, %s", (_, change) => {
    configure(split({ secrets: [SECRET] }));
    const signed = visit().kept.replace("mesh-visitor=", "");
    expect(visit(`mesh-visitor=${signed}`).set).toEqual([]);
    const { set } = visit(`mesh-visitor=${change(signed)}`);
    expect(set).toHaveLength(1);
    expect(set[0]).not.toContain(signed);
  });
});

describe("a good cookie", () => {
  test.each([
    ["among others", `a=1; mesh-visitor=${ID}; b=2`],
    ["in quotes", `mesh-visitor="${ID}"`],
    ["behind a bad one, as of a longer path", `mesh-visitor=old; mesh-visitor=${ID}`],
    ["the eighth of its name", `${"mesh-visitor=x; ".repeat(7)}mesh-visitor=${ID}`],
    ["the first of two", `mesh-visitor=${ID}; mesh-visitor=${ID.replace("0", "1")}`],
  ])("counts: %s", (_, cookies) => {
    configure(split());
    const { destination } = visit(`mesh-visitor=${ID}`);
    expect(visit(cookies)).toEqual({ destination, set: [], kept: cookies });
  });

  test("counts in a line of its own", () => {
    configure(split());
    const { destination } = visit(`mesh-visitor=${ID}`);
    expect(visit("a=1", ["cookie", `mesh-visitor=${ID}`])).toMatchObject({ destination, set: [] });
  });

  test("is set again at each visit with `refresh`, with the same id", () => {
    configure(split({ maxAge: "1h", refresh: true }));
    const { destination, set } = visit(`mesh-visitor=${ID}`);
    expect(set).toEqual([`mesh-visitor=${ID}; Path=/; Max-Age=3600; SameSite=Lax; HttpOnly`]);
    expect(visit(`mesh-visitor=${ID}`).destination).toBe(destination);
  });
});

describe("a signed cookie", () => {
  // The first release signed these. With another signature every visitor would be a new one.
  test.each([
    [SECRET, "mesh-visitor", "5f3bdc593d7eb267"],
    [SECRET, "other", "00acfbfdcdef56ea"],
    [OTHER_SECRET, "mesh-visitor", "18b913416b3dd218"],
  ])("by %j under the name %s is what it has always been", (secret, name, signature) => {
    configure(split({ name, secrets: [secret] }));
    expect(visit(`${name}=${ID}.${signature}`).set).toEqual([]);
  });

  test("keeps its id when the secret changes, as long as the old one is listed", () => {
    configure(split({ secrets: [OTHER_SECRET] }));
    const old = visit();
    configure(split({ secrets: [SECRET, OTHER_SECRET] }));
    const renewed = visit(old.kept);
    expect(renewed.destination).toBe(old.destination);
    expect(renewed.kept.slice(0, 45)).toBe(old.kept.slice(0, 45));
    expect(renewed.kept).not.toBe(old.kept);
    configure(split({ secrets: [SECRET] }));
    expect(visit(renewed.kept)).toEqual({ ...renewed, set: [] });
    expect(visit(old.kept).set).toHaveLength(1);
  });
});

describe("streams", () => {
  test("that are open at the same time get each its own cookie", () => {
    configure(split());
    const streams = Array.from({ length: 50 }, () => module.open(request(), { endOfStream: true }));
    const destinations = streams.map((each) => valuesOf(each.requestHeaders, "x-mesh-destination")[0]);
    for (const each of streams.toReversed()) each.responseHeaders([[":status", "200"]], true);
    const cookies = streams.map((each) => valuesOf(each.client.headerList, "set-cookie")[0]?.split(";")[0]);
    for (const each of streams) each.close();
    expect(new Set(cookies).size).toBe(50);
    expect(cookies.map((cookie) => visit(cookie).destination)).toEqual(destinations);
  });

  test("leave nothing to the next one: neither one that was reset, nor one of a new visitor", () => {
    configure(split());
    module.open(request(), { endOfStream: true }).close();
    expect(visit(`mesh-visitor=${ID}`).set).toEqual([]);
    visit();
    expect(visit(`mesh-visitor=${ID}`).set).toEqual([]);
  });

  test("end by the settings with which they began", () => {
    configure(split({ name: "before" }));
    const stream = module.open(request(), { endOfStream: true });
    configure({ rules: [] });
    stream.responseHeaders([[":status", "200"]], true);
    expect(valuesOf(stream.client.headerList, "set-cookie")[0]).toMatch(/^before=/);
    stream.close();
    const plain = module.open(request(), { endOfStream: true });
    configure(split());
    plain.responseHeaders([[":status", "200"]], true);
    expect(valuesOf(plain.client.headerList, "set-cookie")).toEqual([]);
    plain.close();
  });
});

test("two rules with one cookie know the same visitor, and split independently", () => {
  const rule = (name: string, target: string) => ({
    name,
    match: { path: { exact: target } },
    split: { cookie: { name: "v" }, destinations: DESTINATIONS },
  });
  configure({ rules: [rule("a", "/"), rule("b", "/b")] });
  const other = (cookies: string) => {
    const { request: sent, response } = module.exchange([
      [":method", "GET"],
      [":path", "/b"],
      [":authority", "shop.test"],
      ["cookie", cookies],
    ]);
    expect(valuesOf(response, "set-cookie")).toEqual([]);
    return valuesOf(sent, "x-mesh-destination")[0];
  };
  const pairs = Array.from({ length: 200 }, () => visit()).map(({ destination, kept }) =>
    [destination, other(kept)].join(),
  );
  expect(new Set(pairs).size).toBe(4);
});

test.each<[boolean, HeaderRoutingConfig]>([
  [false, { rules: [{ name: "a", destination: "v1" }] }],
  [false, { rules: [{ name: "a", split: { key: { cookie: "c" }, destinations: DESTINATIONS } }] }],
  [false, { rules: [{ name: "a", shadow: true, split: { cookie: {}, destinations: DESTINATIONS } }] }],
  [true, split()],
])("responses are needed: %s, and the module changes one only then", (needed, config) => {
  configure(config);
  expect(module.neededCallbacks?.includes("proxy_on_response_headers")).toBe(needed);
  expect(visit().set.length > 0).toBe(needed);
});
