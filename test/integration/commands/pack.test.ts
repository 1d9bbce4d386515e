// `meshwright pack` and `meshwright push`: from a filter to a registry.

import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { unpackTar } from "modern-tar";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { filterModule } from "../../../toolchain/compile/filter-module.js";
import { startRegistry } from "../../support/registry.js";
import { type AuthorPackage, authorPackage } from "./author-package.js";
import { runMain } from "./run-main.js";

let folder: string;
let author: AuthorPackage;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "pack-")));
  author = await authorPackage();
  await author.writeFilter("mine");
  await author.write(
    "package.json",
    JSON.stringify({ name: "shop", version: "3.2.1", license: "MIT", repository: "shop/edge" }),
  );
  vi.stubEnv("DOCKER_CONFIG", path.join(folder, "no-login"));
});
afterAll(async () => {
  await author?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const json = async (file: string) => JSON.parse(await readFile(file, "utf8"));

/** The parts of a layout, as a client reads them. */
async function readAsClient(layout: string) {
  const blob = (digest: string) => path.join(layout, "blobs", digest.replace(":", "/"));
  const { manifests } = await json(path.join(layout, "index.json"));
  const manifest = await json(blob(manifests[0].digest));
  const list = await json(blob(manifests[0].annotations["meshwright.referrers"]));
  const [layer] = manifest.layers;
  return { digest: manifests[0].digest as string, manifest, list, layer: () => readFile(blob(layer.digest)) };
}

describe("pack", () => {
  it("makes an image of a filter of the catalog, twice the same", async () => {
    const { exitCode, stdout, stderr } = await runMain(["pack", "header-routing", "--out-dir", folder]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const place = path.join(folder, "header-routing.oci");
    const { digest, manifest, list, layer } = await readAsClient(place);
    expect(stdout).toContain(`${place}  `);
    expect(stdout).toContain(`\n  ${digest}\n`);
    expect(manifest.annotations).toMatchObject({
      "meshwright.filters": "header-routing",
      "meshwright.abi": "0.2.1",
    });
    const [file] = await unpackTar(gunzipSync(await layer()));
    expect(file?.header.name).toBe("plugin.wasm");
    expect(Buffer.from(file?.data ?? []).equals(await readFile(await filterModule("header-routing")))).toBe(
      true,
    );
    expect(list.manifests).toHaveLength(3);
    await runMain(["pack", "header-routing", "--out-dir", path.join(folder, "again")]);
    expect((await readAsClient(path.join(folder, "again/header-routing.oci"))).digest).toBe(digest);
  });

  it("makes one of an author's filter, with what the author's package says", async () => {
    const { exitCode, stderr } = await runMain(
      ["pack", "mine", "--annotation", "a.b=c=d", "--annotation", "meshwright.abi="],
      author.root,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const { manifest } = await readAsClient(path.join(author.root, "build/mine.oci"));
    expect(manifest.annotations).toMatchObject({
      "a.b": "c=d",
      "org.opencontainers.image.title": "mine",
      "org.opencontainers.image.version": "3.2.1",
      "org.opencontainers.image.licenses": "MIT",
      "org.opencontainers.image.source": "https://github.com/shop/edge",
    });
    expect(manifest.annotations).not.toHaveProperty("meshwright.abi");
  });

  it("makes one of a bundle, as an archive", async () => {
    const { exitCode, stderr } = await runMain(
      ["pack", "--bundle", "edge", "trace-headers", "mine", "--tar", "--format", "artifact"],
      author.root,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const files = await unpackTar(await readFile(path.join(author.root, "build/edge.oci.tar")));
    const texts = files.map(({ data }) => Buffer.from(data ?? []).toString());
    const manifest = texts
      .filter((text) => text.startsWith("{"))
      .map((text) => JSON.parse(text))
      .find(({ config, subject }) => config?.digest && !subject);
    expect(manifest.layers).toHaveLength(2);
    expect(manifest.annotations["meshwright.filters"]).toBe("trace-headers,mine");
    expect(manifest.annotations["org.opencontainers.image.version"]).toBe("3.2.1");
    const sbom = texts.find((text) => text.includes('"bomFormat"')) ?? "";
    expect(JSON.parse(sbom).components.map(({ name }: { name: string }) => name)).toEqual([
      "assemblyscript",
      "meshwright",
    ]);
  });

  it("says where it cannot write, and leaves nothing half", async () => {
    const file = path.join(folder, "a-file");
    await writeFile(file, "");
    const { exitCode, stderr } = await runMain(["pack", "header-routing", "--out-dir", path.join(file, "x")]);
    expect(exitCode).toBe(11);
    expect(stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^meshwright: cannot write .*header-routing\.oci \(\w+\): make room/),
    ]);
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("push", () => {
  it("finds the image by the repository's name, and prints what a proxy and cosign need", async () => {
    await using registry = await startRegistry();
    await runMain(["pack", "mine"], author.root);
    const { digest } = await readAsClient(path.join(author.root, "build/mine.oci"));
    const { exitCode, stdout, stderr } = await runMain(["push", `${registry.host}/mesh/mine:1`], author.root);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const name = `${registry.host}/mesh/mine@${digest}`;
    expect(stdout).toContain(`\n  oci://${name}\n  cosign sign --allow-http-registry ${name}\n`);
    expect(registry.manifests.has("mesh/mine:1")).toBe(true);
  });

  it("takes the archive where there is no folder", async () => {
    await using registry = await startRegistry();
    const { exitCode } = await runMain(["push", `${registry.host}/edge`, "--no-referrers"], author.root);
    expect(exitCode).toBe(0);
    expect(registry.manifests.size).toBe(1);
  });

  it("says in one line what a registry refuses", async () => {
    await using registry = await startRegistry({ auth: { kind: "basic", user: "a", password: "b" } });
    const { exitCode, stderr } = await runMain(["push", `${registry.host}/mine:1`], author.root);
    expect(exitCode).toBe(12);
    expect(stderr).toBe(
      `meshwright: ${registry.host}: it wants a login; run \`docker login ${registry.host}\`, or set DOCKER_CONFIG to the folder of a config.json\n`,
    );
  });
});
