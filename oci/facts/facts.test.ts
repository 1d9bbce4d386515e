// What an image says of its module: where it comes from, what is in it, and how it was made.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SAMPLE_MAKER, sampleModule } from "../../test/support/packed-sample.js";
import { blobOf, digestOf } from "../image/descriptor.js";
import { materialsOf } from "./materials.js";
import { originOf, sourceUrl } from "./origin.js";
import { annotationsOf } from "./packed-module.js";
import { provenanceOf } from "./provenance.js";
import { sbomOf } from "./sbom.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "oci-facts-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the address of the sources", () => {
  test.each([
    ["shop/edge", "https://github.com/shop/edge"],
    ["gitlab:shop/edge", "https://gitlab.com/shop/edge"],
    ["git+https://git.example/shop/edge.git", "https://git.example/shop/edge"],
    ["git@git.example:shop/edge.git", "https://git.example/shop/edge"],
    ["ssh://git@git.example:2222/shop/edge.git", "https://git.example/shop/edge"],
    ["git://git.example/shop/edge/", "https://git.example/shop/edge"],
    ["http://git.example:3000/shop/edge", "http://git.example:3000/shop/edge"],
    // A token in it stays with its owner.
    ["https://user:secret@git.example/shop/edge.git?private_token=secret#x", "https://git.example/shop/edge"],
    ["/srv/git/edge.git", undefined],
    ["file:///srv/git/edge.git", undefined],
    ["../edge", undefined],
    ["", undefined],
  ])("of %j is %j", (text, url) => {
    expect(sourceUrl(text)).toBe(url);
  });
});

describe("the origin", () => {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", ...args], {
      encoding: "utf8",
    });
  const write = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), text);
  };

  test("is that of package.json and git, and says when a source is not committed", async () => {
    await write(
      "package.json",
      JSON.stringify({ version: "1.0.0", license: "MIT", repository: { url: "shop/edge" } }),
    );
    await write("filters/a.ts", "a");
    const sources = ["filters/a.ts"];
    const facts = { version: "1.0.0", licence: "MIT", source: "https://github.com/shop/edge" };
    expect(await originOf(folder, sources)).toEqual(facts);
    git("init", "-q");
    await write(".gitignore", "filters/ignored.ts\n");
    git("add", ".");
    git("commit", "-qm", "one");
    const revision = git("rev-parse", "HEAD").trim();
    await write("notes.txt", "not compiled");
    await write("filters/ignored.ts", "b");
    expect(await originOf(folder, sources)).toEqual({ ...facts, revision });
    expect(await originOf(folder, [...sources, "filters/ignored.ts"])).toEqual({
      ...facts,
      revision: `${revision}-dirty`,
    });
    await write("filters/a.ts", "changed");
    expect(await originOf(folder, sources)).toEqual({ ...facts, revision: `${revision}-dirty` });
  });

  test("of an installed package has not the commit of the repository around it", async () => {
    await write(".gitignore", "node_modules\n");
    await write("node_modules/there/package.json", JSON.stringify({ version: "2.0.0" }));
    await write("node_modules/there/assembly/index.ts", "installed");
    expect(await originOf(path.join(folder, "node_modules/there"), ["assembly/index.ts"])).toEqual({
      version: "2.0.0",
    });
  });
});

test("materials are the sources of the map, and the packages that they are of", async () => {
  const root = path.join(folder, "package");
  await mkdir(path.join(root, "node_modules/@shop/rules"), { recursive: true });
  await mkdir(path.join(root, "filters/mine"), { recursive: true });
  await writeFile(path.join(root, "filters/mine/index.ts"), "x");
  await writeFile(
    path.join(root, "node_modules/@shop/rules/package.json"),
    JSON.stringify({ name: "@shop/rules", version: "2.0.0", license: "MIT" }),
  );
  await mkdir(path.join(root, "node_modules/meshwright"));
  await writeFile(
    path.join(root, "node_modules/meshwright/package.json"),
    JSON.stringify({ version: "0.7.0" }),
  );
  const map = path.join(folder, "mine.wasm.map");
  const sources = [
    "~lib/rt/tlsf.ts",
    "filters/mine/index.ts",
    "~lib/@shop/rules/index.ts",
    "~lib/array.ts",
    "meshwright/assembly/index.ts",
    "build/made.ts",
  ];
  await writeFile(map, JSON.stringify({ sources, sourcesContent: sources }));
  const { packages, own, sources: files } = await materialsOf(map, root);
  expect(packages).toEqual([
    { name: "@shop/rules", version: "2.0.0", licence: "MIT" },
    { name: "assemblyscript", version: expect.stringMatching(/^0\.\d+/), licence: "Apache-2.0" },
    { name: "meshwright", version: "0.7.0" },
  ]);
  expect(own).toEqual(["filters/mine/index.ts"]);
  expect(files.map(({ name }) => name)).toEqual([...sources].sort());
  expect(files[0]).toEqual({
    name: "build/made.ts",
    sha256: digestOf(Buffer.from("build/made.ts")).slice(7),
  });
});

test("annotations are the usual ones and what a proxy's operator asks for; what is unknown is left out", () => {
  const module = sampleModule();
  const schema = digestOf(Buffer.from(module.schema));
  expect(annotationsOf(module, schema)).toEqual({
    "org.opencontainers.image.title": "edge",
    "org.opencontainers.image.description": "bundle of trace-headers, mine",
    "org.opencontainers.image.version": "1.2.3+4",
    "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
    "org.opencontainers.image.source": "https://git.example/shop/edge",
    "org.opencontainers.image.revision": "0123456789abcdef0123456789abcdef01234567",
    "meshwright.filters": "trace-headers,mine",
    "meshwright.abi": "0.2.1",
    "meshwright.module": module.digest,
    "meshwright.schema": schema,
  });
  expect(Object.keys(annotationsOf(sampleModule({ origin: {} }), schema))).toHaveLength(6);
});

test("the SBOM has the module, every package in it and the tools, each with a reference of its own", () => {
  const module = sampleModule();
  const bom = JSON.parse(Buffer.from(sbomOf(module, SAMPLE_MAKER)).toString());
  expect(bom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6" });
  expect(bom.metadata.component).toMatchObject({
    name: "edge",
    version: "1.2.3+4",
    hashes: [{ alg: "SHA-256", content: module.digest.slice(7) }],
    licenses: [{ expression: "MIT OR Apache-2.0" }],
  });
  expect(
    bom.components.map(({ purl, licenses }: { purl: string; licenses: object }) => [purl, licenses]),
  ).toEqual([
    ["pkg:npm/%40shop/rules@2.0.0", [{ license: { name: "see LICENSE" } }]],
    ["pkg:npm/assemblyscript@0.28.14", [{ license: { id: "Apache-2.0" } }]],
  ]);
  const references = [bom.metadata.component, ...bom.components, ...bom.metadata.tools.components].map(
    (each) => each["bom-ref"],
  );
  expect(new Set(references).size).toBe(5);
  // Neither a time nor a random number: the same module gives the same SBOM.
  expect(Buffer.from(sbomOf(module, SAMPLE_MAKER)).equals(Buffer.from(sbomOf(module, SAMPLE_MAKER)))).toBe(
    true,
  );
  expect(bom.serialNumber).toBeUndefined();
  expect(bom.metadata.timestamp).toBeUndefined();
});

describe("the provenance", () => {
  const image = blobOf("application/x", Buffer.from("manifest")).descriptor;
  const statementOf = (module = sampleModule()) =>
    JSON.parse(Buffer.from(provenanceOf(module, image, "image", SAMPLE_MAKER)).toString());

  test("is a statement about the image and the module, with all that they were made of", () => {
    const module = sampleModule();
    const { predicate, ...statement } = statementOf(module);
    expect(statement).toEqual({
      _type: "https://in-toto.io/Statement/v1",
      predicateType: "https://slsa.dev/provenance/v1",
      subject: [
        { name: "edge", digest: { sha256: image.digest.slice(7) } },
        { name: "plugin.wasm", digest: { sha256: module.digest.slice(7) } },
      ],
    });
    expect(predicate.runDetails.builder.id).toBe("pkg:npm/meshwright@9.8.7");
    expect(predicate.buildDefinition.externalParameters).toEqual({
      name: "edge",
      filters: ["trace-headers", "mine"],
      format: "image",
    });
    expect(predicate.buildDefinition.resolvedDependencies).toEqual([
      {
        uri: "git+https://git.example/shop/edge@0123456789abcdef0123456789abcdef01234567",
        digest: { gitCommit: "0123456789abcdef0123456789abcdef01234567" },
      },
      { uri: "pkg:npm/assemblyscript@0.28.14" },
      { uri: "pkg:npm/%40shop/rules@2.0.0" },
      { name: "filters/mine/index.ts", digest: { sha256: "aa".repeat(32) } },
      { name: "~lib/array.ts", digest: { sha256: "bb".repeat(32) } },
    ]);
  });

  test("names no commit where a source is not as the commit has it", () => {
    const dirty = sampleModule({
      origin: { source: "https://git.example/a", revision: `${"0".repeat(40)}-dirty` },
    });
    expect(JSON.stringify(statementOf(dirty))).not.toContain("gitCommit");
  });
});
