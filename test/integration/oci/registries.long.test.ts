// Images in real registries, as clients that others made read them.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { unpackTar } from "modern-tar";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../../oci/image/descriptor.js";
import { layoutFiles, type Packed } from "../../../oci/layout/layout.js";
import { writeLayout, writeLayoutTar } from "../../../oci/layout/write.js";
import { packModule } from "../../../oci/pack.js";
import { pushImage } from "../../../oci/push.js";
import { parseReference } from "../../../oci/registry/reference.js";
import { SAMPLE_MAKER, sampleModule } from "../../support/packed-sample.js";
import {
  crane,
  PASSWORD,
  type RunningRegistry,
  skopeo,
  startContainerRegistry,
  startDockerRegistry,
  USER,
} from "../../support/registries.js";
import { isMissing, needs } from "../../support/tools.js";

const START_MS = 400_000;

const module = sampleModule();
let folder: string;
let packed: Packed;
let digest: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "registries-"));
  packed = await packModule(module, SAMPLE_MAKER);
  digest = packed.image.manifest.descriptor.digest;
  await writeLayout(path.join(folder, "edge.oci"), layoutFiles(packed, "1.2.3_4"));
  await writeLayoutTar(path.join(folder, "edge.oci.tar"), layoutFiles(packed, "1.2.3_4"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Pushes in small chunks, so that a real registry has to put them together. */
const push = (reference: string, image = packed) =>
  pushImage(image, parseReference(reference), { chunkBytes: 10_000, env: { DOCKER_CONFIG: folder } });

const manifests = (bytes: Buffer) =>
  JSON.parse(bytes.toString()).manifests as { digest: string; artifactType: string }[];

describe.skipIf(isMissing("crane"))(`go-containerregistry ${needs("crane")}`, () => {
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startContainerRegistry();
  }, START_MS);
  afterAll(() => registry?.[Symbol.asyncDispose]());
  const at = (name: string) => `${registry.host}/mesh/${name}`;

  test("crane finds the image whole, and plugin.wasm in it", async () => {
    const { name } = await push(at("edge:1"));
    expect(crane("digest", at("edge:1")).toString().trim()).toBe(digest);
    crane("validate", "--remote", name);
    const [file, ...others] = await unpackTar(crane("export", name, "-"));
    expect(others).toEqual([]);
    expect(file?.header.name).toBe("plugin.wasm");
    expect(digestOf(file?.data ?? new Uint8Array())).toBe(module.digest);
  });

  test("the referrers are under the fallback tag", async () => {
    await push(at("said:1"));
    const tag = digest.replace(":", "-");
    const listed = manifests(crane("manifest", at(`said:${tag}`)));
    expect(listed.map(({ artifactType }) => artifactType)).toContain("application/vnd.cyclonedx+json");
    for (const each of listed) crane("validate", "--remote", at(`said@${each.digest}`));
  });

  test("crane reads the artifact form", async () => {
    const artifact = await packModule(module, SAMPLE_MAKER, { format: "artifact" });
    const { name } = await push(at("artifact:1"), artifact);
    expect(digestOf(crane("blob", at(`artifact@${module.digest}`)))).toBe(module.digest);
    expect(JSON.parse(crane("manifest", name).toString()).layers).toHaveLength(2);
  });

  test("crane pushes the layout as it is, with the same digest", () => {
    crane("push", path.join(folder, "edge.oci"), at("pushed:1"));
    expect(crane("digest", at("pushed:1")).toString().trim()).toBe(digest);
  });
});

describe.skipIf(isMissing("docker-registry"))(`docker-registry ${needs("docker-registry")}`, () => {
  let registry: RunningRegistry;
  beforeAll(async () => {
    registry = await startDockerRegistry();
    const auth = Buffer.from(`${USER}:${PASSWORD}`).toString("base64");
    await writeFile(
      path.join(folder, "config.json"),
      JSON.stringify({ auths: { [registry.host]: { auth } } }),
    );
  });
  afterAll(() => registry?.[Symbol.asyncDispose]());
  const at = (name: string) => `${registry.host}/mesh/${name}`;

  test("takes image and referrers by basic authentication, and Istio's trouble is told", async () => {
    const { notes } = await push(at("edge:1"));
    expect(notes.join(" ")).toMatch(/asks for basic authentication/);
    const again = await push(at("edge:2"));
    expect(again.digest).toBe(digest);
  });

  test.skipIf(isMissing("skopeo"))(`skopeo reads it, and takes our layouts ${needs("skopeo")}`, async () => {
    await push(at("skopeo:1"));
    const creds = ["--tls-verify=false", "--creds", `${USER}:${PASSWORD}`];
    const facts = JSON.parse(skopeo("inspect", ...creds, `docker://${at("skopeo:1")}`).toString());
    expect(facts).toMatchObject({ Digest: digest, Os: "linux", Architecture: "amd64" });
    const to = ["--dest-tls-verify=false", "--dest-creds", `${USER}:${PASSWORD}`];
    for (const from of [
      `oci:${path.join(folder, "edge.oci")}`,
      `oci-archive:${path.join(folder, "edge.oci.tar")}`,
    ]) {
      skopeo("copy", ...to, from, `docker://${at("copied:1")}`);
      expect(JSON.parse(skopeo("inspect", ...creds, `docker://${at("copied:1")}`).toString()).Digest).toBe(
        digest,
      );
    }
  });
});
