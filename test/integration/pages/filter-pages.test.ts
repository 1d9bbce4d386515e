// Every YAML block of the filters' pages as an operator uses it: settings must pass the schema, and
// Envoy's own configuration must be part of a bootstrap that stock Envoy accepts.

import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import { httpListener } from "../../../envoy/config/listener.js";
import { type Route, virtualHost } from "../../../envoy/config/route.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { validateBootstrap } from "../../../envoy/runtime/validate.js";
import { FILTERS } from "../../../filters/catalog.js";
import { buildFilters } from "../../../toolchain/compile/build.js";

type Block = Readonly<Record<string, unknown>>;

/** The top-level keys of blocks that belong to Envoy's own configuration. */
const ENVOYS = ["static_resources", "http_filters", "routes"];

const blocksOf = (filter: string): readonly Block[] => {
  const page = readFileSync(path.join(PACKAGE_ROOT, "filters", filter, "README.md"), "utf8");
  return [...page.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text]) => parse(text ?? ""));
};
const isEnvoys = (block: Block) => ENVOYS.some((key) => key in block);
/** A Kubernetes object, such as one of Istio's, which nothing here can check. */
const isObject = (block: Block) => "apiVersion" in block;

/**
 * A whole configuration as JSON, with the part that the page shows, and with the path of the
 * filter's module on this machine.
 */
function around(block: Block, filter: string, module: string): string {
  const { clusters = [] } = (block.static_resources ?? {}) as { clusters?: readonly { name: string }[] };
  const routes = (block.routes ?? []) as readonly Route[];
  const named = routes.flatMap((route) => ("route" in route ? [route.route.cluster] : []));
  const endpoints = [{ address: "127.0.0.1", port: 8081 }];
  const base = bootstrap({
    node: { id: "a", cluster: "b" },
    adminPort: 9901,
    listeners: [
      httpListener({
        name: "in",
        port: 8080,
        filters: [],
        virtualHosts: [virtualHost({ name: "all", routes })],
      }),
    ],
    clusters: named.map((name) => cluster({ name, endpoints })),
  });
  const whole = JSON.parse(JSON.stringify(base));
  whole.static_resources.clusters.push(...clusters);
  if (block.http_filters !== undefined) {
    whole.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters =
      block.http_filters;
  }
  return JSON.stringify(whole).replaceAll(`/etc/envoy/${filter}.wasm`, module);
}

/** The settings of filters that are texts in Envoy's configuration. */
function settingsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const { configuration } = value as { configuration?: { value?: unknown } };
  const own = typeof configuration?.value === "string" ? [configuration.value] : [];
  return [...own, ...Object.values(value).flatMap(settingsIn)];
}

test("the settings of a listener that the page of all filters asks for are Envoy's", async () => {
  const page = readFileSync(path.join(PACKAGE_ROOT, "filters/README.md"), "utf8");
  const section = page.slice(page.indexOf("## In an Envoy of your own"));
  const [, text = ""] = /^```yaml\n([\s\S]*?)^```$/m.exec(section) ?? [];
  const settings = parse(text);
  expect(settings).toMatchObject({ normalize_path: true, merge_slashes: true });
  const whole = JSON.parse(around({}, "", ""));
  Object.assign(whole.static_resources.listeners[0].filter_chains[0].filters[0].typed_config, settings);
  await validateBootstrap(await findEnvoy(), whole);
});

describe.each(FILTERS)("the page of $name", ({ name, schema }) => {
  const blocks = blocksOf(name);

  test("begins with settings that the filter accepts", () => {
    const settings = blocks.filter((block) => !isEnvoys(block) && !isObject(block));
    expect(blocks[0]).toBe(settings[0]);
    const texts = blocks.filter(isEnvoys).flatMap(settingsIn);
    for (const each of [...settings, ...texts.map((text) => JSON.parse(text))]) {
      expect(schema.safeParse(each)).toMatchObject({ success: true });
    }
  });

  test("shows Envoy configuration that stock Envoy accepts, with the filter in its chain", async () => {
    const shown = blocks.filter(isEnvoys);
    expect(JSON.stringify(shown)).toContain(`/etc/envoy/${name}.wasm`);
    const envoy = await findEnvoy();
    const [{ path: module = "" } = {}] = await buildFilters([name]);
    for (const block of shown) await validateBootstrap(envoy, JSON.parse(around(block, name, module)));
  }, 100_000);
});
