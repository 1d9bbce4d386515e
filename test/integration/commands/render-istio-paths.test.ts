// `meshwright render istio FILTER@/PATH=FILE`: filters for some paths, without a mesh file.

import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { crdProblems } from "../../support/crd-schemas.js";
import { ISTIO_API_RELEASES } from "../../support/make-crd-schemas.js";
import { runMain } from "./run-main.js";

const IMAGE = ["--image", `rate-limit=oci://registry.example/mesh/rate-limit@sha256:${"cd".repeat(32)}`];

let folder: string;
let limits: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "render-istio-paths-")));
  limits = await file("limits.yaml", { rules: [{ name: "all", local: { limit: 5, unit: "hour" } }] });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, ...content: readonly object[]): Promise<string> {
  const place = path.join(folder, name);
  await writeFile(place, content.map((each) => stringify(each)).join("---\n"));
  return place;
}

const render = (word: string, ...args: readonly string[]) =>
  runMain(["render", "istio", `rate-limit@${word}=${limits}`, ...IMAGE, ...args]);
const documents = (text: string) => parseAllDocuments(text).map((each) => each.toJS());

/** The names of the routes that enable the filter. */
function enabled(text: string): readonly string[] {
  const patches = documents(text)
    .filter(({ kind }) => kind === "EnvoyFilter")
    .flatMap(({ spec }) => spec.configPatches);
  return patches
    .filter(({ patch }) => Object.keys(patch.value?.typed_per_filter_config ?? {}).length > 0)
    .map(({ match, patch }) => match.routeConfiguration.vhost?.route.name ?? patch.value.name);
}

/** A VirtualService of an operator's gateway. */
const routes = (...http: readonly object[]) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "VirtualService",
  metadata: { name: "shop", namespace: "edge" },
  spec: { hosts: ["shop.example"], gateways: ["front"], http },
});
const route = [{ destination: { host: "shop" } }];

test("where a service is called, its routes are divided", async () => {
  const { stdout, stderr } = await render("/login,-/login/help", "--for", "shop");
  expect(enabled(stdout)).toEqual(["shop:/login"]);
  const virtualService = documents(stdout).find(({ kind }) => kind === "VirtualService");
  expect(virtualService.spec.http.map(({ name }: { name: string }) => name)).toEqual([
    "shop:/login/help",
    "shop:/login",
    "shop",
  ]);
  expect(stderr).toContain("meshConfig.pathNormalization.normalization to MERGE_SLASHES");
  for (const release of ISTIO_API_RELEASES) expect(crdProblems(stdout, release)).toEqual([]);
});

test("before an app, routes of the sidecar stand before Istio's", async () => {
  const { stdout } = await render("/login", "--for", "shop", "--at", "inbound", "--port", "80:9000");
  expect(enabled(stdout)).toEqual(["default:/login"]);
  expect(documents(stdout).filter(({ kind }) => kind === "VirtualService")).toEqual([]);
});

test("without routes of ours it says what yours must be called, and with them which one is too many", async () => {
  const without = await render("/login", "--for", "shop", "--without", "VirtualService");
  expect(without.stderr).toContain("leaves the routes out: call yours shop:/login, shop");
  const cluster = await file("own.yaml", {
    ...routes({ route }),
    spec: { hosts: ["shop.default.svc.cluster.local"], http: [{ route }] },
  });
  const twice = await render("/login", "--for", "shop", "--cluster", cluster);
  expect(twice.stderr).toContain("VirtualService edge/shop has routes of shop already");
});

test("at a gateway the routes are the operator's, who gives them", async () => {
  const { exitCode, stdout, stderr } = await render("/login", "--gateway", "front");
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr).toContain("rate-limit@/login: the gateway's routes are VirtualServices of your own");
  const cluster = await file(
    "cluster.yaml",
    routes(
      { name: "sign-in", match: [{ uri: { prefix: "/login" } }, { uri: { exact: "/login/now" } }], route },
      { name: "rest", match: [{ uri: { prefix: "/" } }], route },
    ),
  );
  const given = await render("/login", "--gateway", "front", "--cluster", cluster);
  expect(enabled(given.stdout)).toEqual(["sign-in"]);
  expect(given.stderr).toContain("when your VirtualServices change, render again");
});

test.each([
  [
    "is for more paths than the filter",
    [{ name: "rest", route }],
    "spec.http[0] has paths on which other filters run than on its other ones: put a route for /login before it, as it is for /",
  ],
  [
    "has no name",
    [{ match: [{ uri: { prefix: "/login" } }], route }],
    "spec.http[0] has no name, by which filters are enabled on it",
  ],
  [
    "has a regular expression",
    [{ name: "any", match: [{ uri: { regex: "/l.*" } }], route }],
    "spec.http[0] matches paths by the regular expression /l.*",
  ],
  [
    "comes after one that takes only some of the requests",
    [
      { name: "mine", match: [{ uri: { prefix: "/login" }, headers: { a: { exact: "b" } } }], route },
      { name: "rest", match: [{ uri: { prefix: "/" } }], route },
    ],
    "spec.http[1] has paths on which other filters run",
  ],
  [
    "has the name of another one",
    [
      { name: "both", match: [{ uri: { prefix: "/login" } }], route },
      { name: "both", match: [{ uri: { prefix: "/" } }], route },
    ],
    "two routes are called both, and other filters run on / than on /login",
  ],
])("a route of the operator's that %s is told", async (_what, http, message) => {
  const cluster = await file("wrong.yaml", routes(...http));
  const { exitCode, stdout, stderr } = await render("/login", "--gateway", "front", "--cluster", cluster);
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(message);
  const rest = await render("/login", "--gateway", "front", "--cluster", cluster, "--leave-out");
  expect([rest.exitCode, rest.stderr.includes(`left out: `)]).toEqual([0, true]);
});
