// Kustomize itself builds the example of an overlay: what comes out is what `render istio` writes,
// with the overlay's label.

import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { runMain } from "../../test/integration/commands/run-main.js";
import { isMissing, needs } from "../../test/support/tools.js";

interface Resource {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

const read = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Resource);
const known = ({ kind, metadata }: Resource) => `${kind} ${metadata.name}`;

describe.skipIf(isMissing("kubectl"))(`kubectl kustomize ${needs("kubectl")}`, () => {
  test("builds the overlay of the demo mesh", { timeout: 240_000 }, async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "render-kustomize-"));
    const words = [path.join(PACKAGE_ROOT, "compose/mesh.yaml"), "--registry", "registry.example/mesh"];
    try {
      const deploy = path.join(folder, "deploy");
      expect(await runMain(["render", "kustomize", ...words, "--output", deploy])).toMatchObject({
        exitCode: 0,
      });
      const plain = read((await runMain(["render", "istio", ...words])).stdout);
      const built = read(
        execFileSync("kubectl", ["kustomize", path.join(deploy, "overlays/example")], { encoding: "utf8" }),
      );
      expect(built.map(known).sort()).toEqual(plain.map(known).sort());
      for (const resource of built) {
        expect(resource.metadata.labels).toMatchObject({ environment: "example" });
        const same = plain.find((each) => known(each) === known(resource));
        expect(resource.spec, known(resource)).toEqual(same?.spec);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
