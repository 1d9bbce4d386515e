import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { disabledByDefault } from "../../envoy/config/filter-by-route.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import type { PatchPlan } from "../envoy/patch/patch.js";
import { patchFile } from "./envoy-patch.js";

const ours = wasmFilter({ name: "meshwright.a", module: "/a.wasm", configuration: { a: 1 } });
const byPath = { name: "meshwright.a", paths: [{ prefix: "/a" }] };
const PLAN: PatchPlan = {
  listener: undefined,
  chain: [ours],
  attempts: () => [],
  outlierHeaders: [],
  entries: [{ name: "meshwright.a" }],
  choosers: [],
  countsAttempts: false,
  routersHeaders: [],
  clusters: undefined,
  destinations: [],
  called: [],
  calls: [],
  statsTags: [],
  needsNode: false,
};
const BY_PATH: PatchPlan = { ...PLAN, chain: [disabledByDefault(ours)], entries: [byPath] };

const MANAGER =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER =
  "{ name: envoy.filters.http.router, typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }";

let folder: string;
let warnings: string[] = [];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "patch-file-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function patch(text: string, plan = PLAN, name = "envoy.yaml"): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  warnings = [];
  const { after } = await patchFile(file, plan, {
    warn: (line) => warnings.push(line),
    commentOf: () => "ours",
  });
  return after;
}

const manager = (fields: string, name = "public") => `
    - name: ${name}
      filter_chains:
        - filters:
            - name: hcm
              typed_config:
                "@type": ${MANAGER}
${fields.replaceAll(/^/gm, " ".repeat(16))}`;
const file = (...listeners: string[]) => `static_resources:\n  listeners:${listeners.join("")}\n`;
const routed = (routes: string) => `route_config:
  virtual_hosts:
    - name: all
      domains: ["*"]
      routes:
${routes.replaceAll(/^/gm, " ".repeat(8))}
http_filters: [${ROUTER}]`;

interface Chain {
  readonly http_filters: readonly { readonly name: string }[];
  readonly route_config: {
    readonly virtual_hosts: readonly { readonly routes: readonly Record<string, never>[] }[];
  };
}

function chainOf(text: string): Chain {
  return parse(text).static_resources.listeners[0].filter_chains[0].filters[0].typed_config as Chain;
}

describe("the chain", () => {
  const flow = `http_filters: [{ name: cors }, ${ROUTER}]`;
  const block = `http_filters:\n  - name: cors # kept\n  # the last\n  - ${ROUTER}`;
  const tight = `http_filters:\n- name: cors\n-   ${ROUTER}`;

  it.each([flow, block, tight])("gets our filter before the router: %s", async (fields) => {
    const text = file(manager(fields));
    const after = await patch(text);
    expect(chainOf(after).http_filters.map(({ name }) => name)).toEqual([
      "cors",
      "meshwright.a",
      "envoy.filters.http.router",
    ]);
    for (const line of text.split("\n").filter((each) => !each.includes("[{")))
      expect(after.split("\n")).toContain(line);
    expect(await patch(after)).toBe(after);
  });

  it("keeps the place of a filter that is there, and takes its new settings", async () => {
    const text = await patch(file(manager(block)));
    const moved = text.replace("- name: cors # kept", "- name: cors # kept\n                  - name: last");
    const newer = wasmFilter({ name: "meshwright.a", module: "/a.wasm", configuration: { a: 2 } });
    const after = await patch(moved, { ...PLAN, chain: [newer, { ...newer, name: "meshwright.b" }] });
    expect(chainOf(after).http_filters.map(({ name }) => name)).toEqual([
      "cors",
      "last",
      "meshwright.a",
      "meshwright.b",
      "envoy.filters.http.router",
    ]);
    expect(after).toContain('{\\"a\\":2}');
    expect(after).not.toContain('{\\"a\\":1}');
  });

  it("is written in JSON where the file is", async () => {
    const text = JSON.stringify(parse(file(manager(flow))), null, 2);
    const after = await patch(text, PLAN, "envoy.json");
    expect(JSON.parse(after)).toEqual(parse(await patch(file(manager(flow)))));
  });

  it("keeps carriage returns and a last line without an end", async () => {
    const text = file(manager(block)).trimEnd();
    expect(parse(await patch(text))).toEqual(parse(await patch(`${text}\n`)));
    const windows = text.replaceAll("\n", "\r\n");
    expect(parse(await patch(windows))).toEqual(parse(await patch(text)));
  });

  it("gets it in each chain of the listener, the default one too", async () => {
    const chains = manager(flow).replace("filter_chains:\n        -", "default_filter_chain:\n         ");
    const after = parse(await patch(file(chains)));
    expect(
      after.static_resources.listeners[0].default_filter_chain.filters[0].typed_config.http_filters,
    ).toHaveLength(3);
  });
});

describe("the routes", () => {
  const of = (text: string) =>
    chainOf(text).route_config.virtual_hosts[0]?.routes.map((route) => [
      route.match,
      Object.keys(route.typed_per_filter_config ?? {}),
    ]);

  it("get a copy for the paths of a filter", async () => {
    const after = await patch(
      file(manager(routed("- match: { prefix: / }\n  route: { cluster: c }"))),
      BY_PATH,
    );
    expect(of(after)).toEqual([
      [{ prefix: "/a" }, ["meshwright.a"]],
      [{ prefix: "/" }, []],
    ]);
    expect(await patch(after, BY_PATH)).toBe(after);
  });

  it("are enabled as they are where all of their paths have the filter", async () => {
    const routes = [
      "{ prefix: /a/b }",
      "{ path: /a/c }",
      "{ path: /c }",
      "{ path_separated_prefix: /a }",
      "{ prefix: /c }",
    ];
    const text = routes.map((match) => `- { match: ${match}, route: { cluster: c } }`).join("\n");
    const after = await patch(file(manager(routed(text))), BY_PATH);
    expect(of(after)?.map(([, names]) => names?.length)).toEqual([1, 1, 0, 1, 0]);
  });

  it("lose a filter that a new patch has not there, and keep the operator's own settings", async () => {
    const route =
      "- match: { prefix: / }\n  route: { cluster: c }\n  typed_per_filter_config: { cors: { '@type': type.googleapis.com/x.Y } }";
    const everywhere: PatchPlan = {
      ...BY_PATH,
      entries: [{ name: "meshwright.a", paths: [{ prefix: "/" }] }],
    };
    const text = await patch(file(manager(routed(route))), everywhere);
    expect(of(text)).toEqual([[{ prefix: "/" }, ["cors", "meshwright.a"]]]);
    expect(of(await patch(text, BY_PATH))).toEqual([
      [{ prefix: "/a" }, ["cors", "meshwright.a"]],
      [{ prefix: "/" }, ["cors"]],
    ]);
  });

  it("lead to the cluster of a destination, where the filter chooses it", async () => {
    const plan: PatchPlan = {
      ...PLAN,
      choosers: [{ header: "x-to", paths: [{ prefix: "/new" }] }],
      destinations: [{ from: "c", name: "v2", to: "c2" }],
    };
    const routes =
      "- { match: { prefix: /other }, route: { cluster: d } }\n- { match: { prefix: / }, route: { cluster: c } }";
    const after = await patch(file(manager(routed(routes))), plan);
    const header = { name: "x-to", string_match: { exact: "v2" } };
    expect(of(after)?.map(([match]) => match)).toEqual([
      { prefix: "/other" },
      { prefix: "/new", headers: [header] },
      { prefix: "/new" },
      { prefix: "/" },
    ]);
    expect(await patch(after, plan)).toBe(after);
  });
});

describe("a file that cannot be patched", () => {
  const one = manager(`http_filters: [${ROUTER}]`);
  const regex = manager(routed("- match: { safe_regex: { regex: .* } }\n  route: { cluster: c }"));
  const rds = manager(`rds: { route_config_name: r }\nhttp_filters: [${ROUTER}]`);

  it.each<[string, string, PatchPlan, RegExp]>([
    ["no listeners", "node: { id: a }\n", PLAN, /:1:1: has no static_resources/],
    ["an empty file", "", PLAN, /the file is empty/],
    ["a list", "- a\n", PLAN, /:1:1: is not a mapping, and Envoy has one here/],
    ["two documents", `${file(one)}---\na: 1\n`, PLAN, /a second document begins here/],
    ["no YAML", "a: [", PLAN, /:1:5: /],
    ["a key twice", `${file(one)}static_resources: {}\n`, PLAN, /static_resources/],
    [
      "no connection manager",
      file("\n    - { name: tcp, filter_chains: [{ filters: [{ name: tcp_proxy }] }] }"),
      PLAN,
      /:2:3: have no HTTP connection manager/,
    ],
    [
      "two listeners",
      file(one, manager(`http_filters: [${ROUTER}]`, "admin")),
      PLAN,
      /several have an HTTP connection manager: choose one by --listener, of public, admin/,
    ],
    [
      "a listener of another name",
      file(one),
      { ...PLAN, listener: "pubic" },
      /there is no listener "pubic" .*did you mean "public"\?/,
    ],
    [
      "API v2",
      file(
        one.replace(
          MANAGER,
          "type.googleapis.com/envoy.config.filter.network.http_connection_manager.v2.HttpConnectionManager",
        ),
      ),
      PLAN,
      /:6:15: is of Envoy's API v2/,
    ],
    ["API v2 without types", file(one.replace("typed_config:", "config:")), PLAN, /is of Envoy's API v2/],
    [
      "no router",
      file(manager("http_filters: [{ name: cors }]")),
      PLAN,
      /has no envoy\.filters\.http\.router/,
    ],
    [
      "another filter of the name",
      file(manager(`http_filters: [{ name: meshwright.a, typed_config: { '@type': a/b.Cors } }, ${ROUTER}]`)),
      PLAN,
      /has the name "meshwright.a" and is no Wasm filter/,
    ],
    ["an expression for the paths", file(regex), BY_PATH, /does not say where its paths begin/],
    [
      "routes from elsewhere",
      file(rds),
      BY_PATH,
      /gets its routes from elsewhere, where they would have to enable/,
    ],
    [
      "filters that an alias stands for",
      file(manager(`http_filters: &f [${ROUTER}]`), manager("http_filters: *f", "second")),
      { ...PLAN, listener: "second" },
      /:\d+:31: \*f stands for a part that would change here alone/,
    ],
    [
      "an anchor that others use",
      file(manager(`http_filters: &f [${ROUTER}]`), manager("http_filters: *f", "second")),
      { ...PLAN, listener: "public" },
      /cannot be changed in place/,
    ],
    [
      "a called service that nobody knows",
      file(one),
      { ...PLAN, calls: ["limits"] },
      /have no "limits", which a filter calls/,
    ],
    ["a list in place of a mapping", "static_resources: []\n", PLAN, /:1:1: is not a mapping/],
    ["a mapping in place of a list", "static_resources: { listeners: { a: 1 } }\n", PLAN, /is not a list/],
  ])("%s is refused with its place", async (_what, text, plan, reason) => {
    await expect(patch(text, plan)).rejects.toThrow(reason);
  });

  it("is refused where aliases multiply it", async () => {
    const levels = Array.from(
      { length: 20 },
      (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : `*a${i - 1}, *a${i - 1}`}]`,
    );
    await expect(patch(`${levels.join("\n")}\n${file(one)}`)).rejects.toThrow(/alias/);
  });

  it("leaves aliases that do not change as they are", async () => {
    const text = `x: &timeout 3s\n${file(manager(routed("- match: { prefix: / }\n  route: { cluster: c, timeout: *timeout }")))}`;
    expect(await patch(text)).toContain("timeout: *timeout");
  });

  it("is told what routes from elsewhere need", async () => {
    await patch(file(rds), { ...PLAN, routersHeaders: ["x-envoy-ratelimited"], countsAttempts: true });
    expect(warnings).toContainEqual(
      expect.stringMatching(/include_request_attempt_count: true, response_headers_to_remove/),
    );
  });

  it("is told by which other spellings a path passes a rule, unless its listener knows them", async () => {
    await patch(
      file(manager(`normalize_path: true\n${routed("- { match: { prefix: / }, route: { cluster: c } }")}`)),
    );
    expect(warnings).toEqual([
      expect.stringMatching(
        /envoy\.yaml:\d+:\d+: .* set merge_slashes: true, path_with_escaped_slashes_action: UNESCAPE_AND_REDIRECT$/,
      ),
    ]);
    const knows =
      "normalize_path: true\nmerge_slashes: true\npath_with_escaped_slashes_action: REJECT_REQUEST\n";
    await patch(file(manager(`${knows}${routed("- { match: { prefix: / }, route: { cluster: c } }")}`)));
    expect(warnings).toEqual([]);
  });
});

describe("the clusters", () => {
  const attempts: PatchPlan = { ...PLAN, chain: [], attempts: () => [ours], clusters: ["c"] };
  const withCluster = (fields: string) =>
    `${file(manager(routed("- match: { prefix: / }\n  route: { cluster: c }")))}  clusters:\n    - name: c\n${fields}`;
  const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const namesOf = (text: string) =>
    (
      parse(text).static_resources.clusters[0].typed_extension_protocol_options[OPTIONS].http_filters as {
        name: string;
      }[]
    ).map(({ name }) => name);

  it.each([
    ["no options", ""],
    [
      "options without a chain",
      `      typed_extension_protocol_options: { ${OPTIONS}: { "@type": type.googleapis.com/${OPTIONS}, explicit_http_config: { http2_protocol_options: {} } } }\n`,
    ],
  ])("get our filters where they have %s", async (_what, fields) => {
    const after = await patch(withCluster(fields), attempts);
    expect(namesOf(after)).toEqual(["meshwright.a", "envoy.filters.http.upstream_codec"]);
    expect(await patch(after, attempts)).toBe(after);
  });

  it("get the settings that are theirs", async () => {
    const named = (cluster: string) => [
      wasmFilter({ name: "meshwright.a", module: "/a.wasm", configuration: { cluster } }),
    ];
    const two = `${file(manager(routed("- match: { prefix: / }\n  route: { cluster: c }")))}  clusters:\n    - name: c\n    - name: d\n    - name: e\n`;
    const plan = { ...attempts, attempts: named, clusters: ["c", "d"] };
    const after = await patch(two, plan);
    const [c, d, e] = (parse(after).static_resources.clusters as object[]).map((each) =>
      JSON.stringify(each),
    );
    expect(c).toContain('{\\"cluster\\":\\"c\\"}');
    expect(d).toContain('{\\"cluster\\":\\"d\\"}');
    expect(e).toBe('{"name":"e"}');
    expect(await patch(after, plan)).toBe(after);
  });

  it("keep their own filters before ours", async () => {
    const chain =
      "{ name: own }, { name: envoy.filters.http.upstream_codec, typed_config: { '@type': a/b } }";
    const fields = `      typed_extension_protocol_options:\n        ${OPTIONS}: { "@type": type.googleapis.com/${OPTIONS}, http_filters: [${chain}] }\n`;
    expect(namesOf(await patch(withCluster(fields), attempts))).toEqual([
      "own",
      "meshwright.a",
      "envoy.filters.http.upstream_codec",
    ]);
  });

  const marking: PatchPlan = { ...attempts, outlierHeaders: ["x-mark"] };
  const outliersOf = (text: string) =>
    parse(text).static_resources.clusters[0].typed_extension_protocol_options[OPTIONS].outlier_detection;
  const rule = (name: string, rest: string) =>
    `{ http_response_headers_match: { headers: [{ name: "${name}", ${rest} }] } }`;

  it("count what the filters mark, and 5xx as before", async () => {
    const after = await patch(withCluster(""), marking);
    expect(outliersOf(after)).toEqual(
      parse(
        `error_matcher: { or_match: { rules: [${rule("x-mark", "present_match: true")}, ${rule(":status", "safe_regex_match: { regex: 5.. }")}] } }`,
      ),
    );
    expect(await patch(after, marking)).toBe(after);
    expect(warnings).toEqual([]);
  });

  it("keep their own matcher, and are warned if it does not know the marks", async () => {
    const fields = (own: string) =>
      `      typed_extension_protocol_options:\n        ${OPTIONS}:\n          "@type": type.googleapis.com/${OPTIONS}\n          outlier_detection: { error_matcher: ${own} }\n`;
    const before = withCluster(fields(rule("x-own", "present_match: true")));
    expect(outliersOf(await patch(before, marking))).toEqual(outliersOf(before));
    expect(warnings).toEqual([
      expect.stringMatching(/:\d+:\d+: does not match x-mark, by which a filter marks failures/),
    ]);
  });

  it("must say their protocol where the filters stand", async () => {
    await expect(patch(withCluster("      http2_protocol_options: {}\n"), attempts)).rejects.toThrow(
      /:\d+:7: must be in typed_extension_protocol_options/,
    );
    await expect(patch(withCluster(""), { ...attempts, clusters: ["d"] })).rejects.toThrow(
      /have no "d" of --cluster; there is c/,
    );
  });
});
