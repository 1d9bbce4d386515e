// What `render gateway-api` writes, by the CRDs of Gateway API and Envoy Gateway, unknown keys
// refused.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Ajv } from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { runMain } from "../../test/integration/commands/run-main.js";
import { crdSchemas } from "../../test/support/make-crd-schemas.js";
import { isMissing, needs } from "../../test/support/tools.js";

/** Go's modules, with the folders of their CRDs. */
const MODULES = [
  ["sigs.k8s.io/gateway-api@v1.6.0", "config/crd/standard"],
  ["github.com/envoyproxy/gateway@v1.9.1", "charts/gateway-crds-helm/templates/generated"],
] as const;
const KINDS = new Set(["Gateway", "HTTPRoute", "EnvoyExtensionPolicy", "Backend"]);

function schemas(): Readonly<Record<string, unknown>> {
  const wanted = (kind: string, version: string) => KINDS.has(kind) && /^v1(alpha1)?$/.test(version);
  const texts = MODULES.flatMap(([module, below]) => {
    const told = execFileSync("go", ["mod", "download", "-json", module], {
      cwd: tmpdir(),
      encoding: "utf8",
    });
    const folder = path.join((JSON.parse(told) as { readonly Dir: string }).Dir, below);
    const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
    // Helm's own lines are no YAML.
    return files.map((name) => readFileSync(path.join(folder, name), "utf8").replaceAll(/^\{\{.*\n/gm, ""));
  });
  return Object.assign({}, ...texts.map((text) => crdSchemas(text, wanted)));
}

const DEMO = readFileSync(path.join(PACKAGE_ROOT, "compose/mesh.yaml"), "utf8");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "render-gateway-crds-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.skipIf(isMissing("go"))(`the CRDs ${needs("go")}`, () => {
  test.each([
    ["the demo mesh", DEMO],
    [
      "one with filters by route",
      DEMO.replace("filter: rate-limit", "filter: rate-limit\n      routes: [{ prefix: /chat }]"),
    ],
  ])("take what is rendered of %s, and refuse a key that they do not know", async (_what, text) => {
    const known = schemas();
    const mesh = path.join(folder, "mesh.yaml");
    await writeFile(mesh, text);
    const { exitCode, stdout, stderr } = await runMain([
      "render",
      "gateway-api",
      mesh,
      "--host",
      "shop.example",
    ]);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const ajv = new Ajv({ strict: false, allErrors: true });
    const kinds = new Set<string>();
    for (const document of parseAllDocuments(stdout)) {
      const resource = document.toJS() as { apiVersion: string; kind: string; spec: object };
      if (resource.apiVersion === "v1") continue;
      kinds.add(resource.kind);
      const schema = known[`${resource.apiVersion}/${resource.kind}`];
      expect(schema, resource.kind).toBeDefined();
      const validate = ajv.compile(schema as object);
      expect(validate(resource), JSON.stringify(validate.errors)).toBe(true);
      expect(validate({ ...resource, spec: { ...resource.spec, unheardOf: 1 } })).toBe(false);
    }
    expect([...kinds].sort()).toEqual(["EnvoyExtensionPolicy", "Gateway", "HTTPRoute"]);
  });
});
