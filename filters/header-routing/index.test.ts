// The binding, in the in-process host: which host calls a request costs, and when the request is
// edited at all.

import { beforeAll, describe, expect, test } from "vitest";
import { type HostedModule, loadModule } from "../../kit/host/load.js";
import type { HeaderList } from "../../kit/traffic.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import type { HeaderRoutingConfig } from "./schema.js";

const PLAIN: HeaderList = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "shop.test"],
];
const DESTINATION = "x-mesh-destination";

let path: string;
let module: HostedModule;

beforeAll(async () => {
  const [built] = await buildFilters(["header-routing"]);
  if (built === undefined) throw new Error("header-routing was not built");
  path = built.path;
  module = loadModule(path);
});

function configure(config: HeaderRoutingConfig): void {
  expect(module.configure(JSON.stringify(config))).toEqual({ accepted: true, logs: [] });
}

function hostCalls(...more: HeaderList): Record<string, number> {
  return Object.fromEntries(module.exchange([...PLAIN, ...more]).hostCalls);
}

const premium: HeaderRoutingConfig = {
  rules: [
    { name: "premium", match: { headers: [{ name: "x-user-type", exact: "premium" }] }, destination: "v2" },
  ],
};

describe("a request's host calls", () => {
  test("are reads when no rule matches and no client sent a destination: the request is not edited", () => {
    configure(premium);
    expect(hostCalls()).toEqual({ proxy_get_header_map_pairs: 1 });
    expect(hostCalls()).toEqual({ proxy_get_header_map_value: 2 });
  });

  test("are one read, one edit and one count when a rule matches", () => {
    configure(premium);
    expect(hostCalls(["x-user-type", "premium"])).toEqual({
      proxy_get_header_map_pairs: 1,
      proxy_add_header_map_value: 1,
      proxy_increment_metric: 1,
    });
  });

  test("have no edit when the one right destination is already there", () => {
    configure(premium);
    const calls = hostCalls(["x-user-type", "premium"], [DESTINATION, "v2"]);
    expect(Object.keys(calls)).not.toContain("proxy_add_header_map_value");
    expect(Object.keys(calls)).not.toContain("proxy_remove_header_map_value");
  });

  test.each([
    ["a wrong one", [[DESTINATION, "v1"]]],
    [
      "the right one twice",
      [
        [DESTINATION, "v2"],
        [DESTINATION, "v2"],
      ],
    ],
    [
      "the right one and a wrong one",
      [
        [DESTINATION, "v2"],
        [DESTINATION, "v1"],
      ],
    ],
  ] as [string, HeaderList][])("remove what a client sent, %s, and leave one header", (_, sent) => {
    configure(premium);
    const { request } = module.exchange([...PLAIN, ["x-user-type", "premium"], ...sent]);
    expect(request.filter(([name]) => name === DESTINATION)).toEqual([[DESTINATION, "v2"]]);
  });

  test("read all headers once, however many headers the rules test", () => {
    const names = Array.from({ length: 20 }, (_, i) => `x-test-${i}`);
    configure({
      rules: names.map((name) => ({
        name,
        match: { headers: [{ name, exact: "1" }] },
        destination: "v2",
      })),
    });
    expect(hostCalls()).toEqual({ proxy_get_header_map_pairs: 1 });
    expect(hostCalls(["x-test-19", "1"])).toEqual({
      proxy_get_header_map_pairs: 1,
      proxy_add_header_map_value: 1,
      proxy_increment_metric: 1,
    });
  });

  test("fetch random numbers once for many draws", () => {
    configure({ rules: [{ name: "some", match: { percentage: 50 }, destination: "v2" }] });
    let fetched = 0;
    for (let i = 0; i < 640; i++) fetched += hostCalls().random_get ?? 0;
    expect(fetched).toBe(10);
  });
});

describe("actions of a rule", () => {
  const edits = { set: [{ name: "x-a", value: "1" }] };
  const acting: HeaderRoutingConfig = {
    rules: [
      {
        name: "api",
        match: { path: { segments: "/api" } },
        destination: "v2",
        rewrite: { prefix: "/", host: "inner.test" },
      },
      { name: "rest", destination: "v1", requestHeaders: edits, responseHeaders: edits },
    ],
  };

  test("cost a call for each edit, and the response one where its rule changes it", () => {
    configure(acting);
    const sent: HeaderList = [
      [":method", "GET"],
      [":path", "/api/1"],
      [":authority", "shop.test"],
    ];
    const { request, hostCalls: calls } = module.exchange(sent);
    expect(request).toContainEqual([":path", "/1"]);
    expect(request).toContainEqual([":authority", "inner.test"]);
    expect(request).toContainEqual(["x-envoy-original-path", "/api/1"]);
    expect(calls.get("proxy_replace_header_map_value")).toBe(2);
    expect(hostCalls()).toMatchObject({ proxy_replace_header_map_value: 2, proxy_add_header_map_value: 1 });
  });

  test("are those of the last settings, and the response's those of the stream's own", () => {
    configure(acting);
    const response = () => module.exchange(PLAIN).response;
    expect(response()).toContainEqual(["x-a", "1"]);
    configure(premium);
    expect(response()).not.toContainEqual(["x-a", "1"]);
    configure(acting);
    expect(response()).toContainEqual(["x-a", "1"]);
  });

  test("need the callback of responses only where a rule, or a destination of a split, changes these", () => {
    const share = { name: "v1", weight: 1 };
    const changing = { ...share, responseHeaders: edits };
    for (const [config, needed] of [
      [{ rules: [] }, false],
      [premium, false],
      [acting, true],
      [{ rules: [{ name: "s", split: { destinations: [share] } }] }, false],
      [{ rules: [{ name: "s", split: { destinations: [changing] } }] }, true],
      [{ rules: [{ name: "a", answer: { status: 404 } }] }, false],
    ] as [HeaderRoutingConfig, boolean][]) {
      configure(config);
      expect(module.neededCallbacks?.includes("proxy_on_response_headers")).toBe(needed);
    }
  });
});

test("a counter is defined once, however often the configuration changes", () => {
  configure(premium);
  const before = module.hostCallsTotal.get("proxy_define_metric") ?? 0;
  for (let i = 0; i < 10; i++) configure(premium);
  expect(module.hostCallsTotal.get("proxy_define_metric") ?? 0).toBe(before);
});

test("a weight of 1 beside 99,999 gets the user whom the hash assigns to it", () => {
  const destinations = [
    { name: "v1", weight: 99_999 },
    { name: "v2", weight: 1 },
  ];
  const split = { key: { header: "x-user" }, salt: "canary", destinations };
  configure({ rules: [{ name: "few", split }] });
  const destinationOf = (user: string) => {
    const { request } = module.exchange([...PLAIN, ["x-user", user]]);
    return request.filter(([name]) => name === DESTINATION).map(([, value]) => value);
  };
  expect(destinationOf("user-21051")).toEqual(["v2"]);
  expect(destinationOf("user-21052")).toEqual(["v1"]);
});

describe("a client's address", () => {
  test.each([
    ["192.0.2.7:40001", "192.0.2.7"],
    ["[2001:db8::7]:40001", "2001:db8::7"],
    ["/var/run/app.sock", "/var/run/app.sock"],
  ])("%s is the key %s", (address, key) => {
    configure({
      rules: [
        {
          name: "address",
          split: {
            key: { clientAddress: true },
            destinations: [{ name: "v1", weight: 1 }],
            pins: [{ keys: [key], destination: "pinned" }],
          },
        },
      ],
    });
    const { request } = module.exchange(PLAIN, { properties: { "source.address": address } });
    expect(request).toContainEqual([DESTINATION, "pinned"]);
  });
});

describe("a rule in shadow mode", () => {
  const METRIC = "meshwright.header_routing";
  const config: HeaderRoutingConfig = {
    explainProperty: "mesh",
    rules: [
      { name: "what-if", shadow: true, destination: "v9" },
      {
        name: "canary",
        shadow: true,
        match: { headers: [{ name: "x-user", present: true }] },
        split: {
          key: { header: "x-user" },
          destinations: [{ name: "v1", weight: 1 }],
          pins: [{ keys: ["alice"], destination: "v3" }],
        },
      },
      { name: "premium", match: { headers: [{ name: "x-user-type", exact: "premium" }] }, destination: "v2" },
      { name: "never-reached", shadow: true, destination: "v1" },
    ],
  };
  const counted = () =>
    Object.fromEntries(
      [...module.metrics].filter(([name, value]) => name.startsWith(METRIC) && value > 0).sort(),
    );

  test("decides nothing, and counts where the request would have gone", () => {
    module = loadModule(path);
    configure(config);
    const { request } = module.exchange([...PLAIN, ["x-user-type", "premium"], ["x-user", "alice"]]);
    expect(request).toContainEqual([DESTINATION, "v2"]);
    expect(counted()).toEqual({
      [`${METRIC}.decisions_total;rule=premium;destination=v2`]: 1,
      [`${METRIC}.shadow_decisions_total;rule=canary;destination=v3`]: 1,
      [`${METRIC}.shadow_decisions_total;rule=what-if;destination=v9`]: 1,
    });
  });

  test("is counted where no rule decides, and takes no header of a client for its own", () => {
    module = loadModule(path);
    configure(config);
    const { request } = module.exchange([...PLAIN, [DESTINATION, "v9"]]);
    expect(request).toEqual(PLAIN);
    expect(counted()).toEqual({
      [`${METRIC}.shadow_decisions_total;rule=never-reached;destination=v1`]: 1,
      [`${METRIC}.shadow_decisions_total;rule=what-if;destination=v9`]: 1,
    });
  });

  test("is shown before the decision", () => {
    configure(config);
    const stream = module.open([...PLAIN, ["x-user-type", "premium"], ["x-user", "bob"]], {
      endOfStream: true,
    });
    expect(stream.setProperties.get("mesh")?.toString()).toBe(
      "header-routing=what-if:shadow-v9 header-routing=canary:shadow-v1 header-routing=premium:v2",
    );
    stream.close();
  });

  test("knows a visitor by the cookie, and gives none", () => {
    const split = {
      cookie: {},
      destinations: [
        { name: "v1", weight: 1 },
        { name: "v2", weight: 1 },
      ],
    };
    module = loadModule(path);
    configure({
      rules: [
        { name: "next", shadow: true, split: { ...split, salt: "a" } },
        { name: "now", split: { ...split, salt: "a" } },
      ],
    });
    const { response } = module.exchange(PLAIN);
    const set = response.filter(([name]) => name === "set-cookie").map(([, value]) => value);
    expect(set).toHaveLength(1);
    const [cookie = ""] = set[0]?.split(";") ?? [];
    const before = counted();
    for (let i = 0; i < 20; i++) module.exchange([...PLAIN, ["cookie", cookie]]);
    const grown = Object.entries(counted()).filter(([name, value]) => value !== before[name]);
    expect(grown.map(([name]) => name.replace(/^.*;destination=/, ""))).toHaveLength(2);
    expect(new Set(grown.map(([name]) => name.replace(/^.*;destination=/, ""))).size).toBe(1);
  });
});

test("a rule in shadow mode does nothing to a request or its response", () => {
  const headers = { set: [{ name: "x-what-if", value: "1" }] };
  const actions = {
    rewrite: { path: "/other" },
    requestHeaders: headers,
    responseHeaders: headers,
    mirror: "v3",
  };
  module = loadModule(path);
  configure({
    rules: [
      { name: "away", shadow: true, redirect: { path: "/new" } },
      { name: "gone", shadow: true, answer: { status: 410 } },
      { name: "changed", shadow: true, destination: "v9", ...actions },
      { name: "real", destination: "v2" },
    ],
  });
  const { request, response, localReply } = module.exchange(PLAIN);
  expect(request).toEqual([...PLAIN, [DESTINATION, "v2"]]);
  expect(response).toEqual([[":status", "200"]]);
  expect(localReply).toBeUndefined();
  const counted = [...module.metrics].filter(([, value]) => value === 1).map(([name]) => name);
  expect(
    counted.filter((name) => name.includes("shadow")).map((name) => name.replace(/^.*;rule/, "rule")),
  ).toEqual([
    "rule=away;destination=(redirect)",
    "rule=gone;destination=(answer)",
    "rule=changed;destination=v9",
  ]);
});

test("a split's cookie stays where the rule edits the response's cookies", () => {
  const split = { cookie: {}, destinations: [{ name: "v1", weight: 1 }] };
  configure({ rules: [{ name: "r", split, responseHeaders: { remove: ["x-powered-by", "set-cookie"] } }] });
  const { response } = module.exchange(PLAIN, {
    response: [
      [":status", "200"],
      ["set-cookie", "a=1"],
    ],
  });
  expect(response).toEqual([
    [":status", "200"],
    ["set-cookie", expect.stringMatching(/^mesh-visitor=/)],
  ]);
});
