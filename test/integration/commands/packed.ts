// The package as it is published, and a registry that has it. The registry forwards all other
// requests to npm's own registry.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { findNpm } from "../../../envoy/runtime/find-npm.js";
import { runProgram } from "../../../envoy/runtime/run-program.js";

/** npm's messages when the network is unavailable. */
const OFFLINE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|E5\d\d)\b/;

interface Packed {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly tarball: Buffer;
}

/**
 * Builds and packs this checkout, and writes the tarball to `folder`. Settles with what a registry
 * needs to serve it.
 */
export async function packCheckout(folder: string): Promise<Packed> {
  const args = ["run", "package", "--", "--pack-destination", folder];
  const { code, output } = await runProgram(findNpm(), args, PACKAGE_ROOT);
  const file = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (code !== 0 || file === undefined) throw new Error(output);
  return {
    manifest: JSON.parse(await readFile(path.join(PACKAGE_ROOT, "package.json"), "utf8")),
    tarball: await readFile(path.join(folder, file)),
  };
}

/** Why npm cannot install anything here; `undefined` if it can. */
export async function whyNoRegistry(): Promise<string | undefined> {
  const { code, output } = await runProgram(findNpm(), ["ping"]);
  if (code === 0 || !OFFLINE.test(output)) return undefined;
  return `npm reaches no registry: ${output.trim().split("\n").at(-1)}`;
}

/** A registry on 127.0.0.1. Disposing of it stops it. */
export interface Registry extends AsyncDisposable {
  /** The variables that make npm use it as its registry. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Serves the packed package, and forwards every other request to the registry that npm is
 * configured with.
 */
export async function startRegistry({ manifest, tarball }: Packed): Promise<Registry> {
  const { output } = await runProgram(findNpm(), ["config", "get", "registry", "--loglevel", "silent"]);
  const upstream = output.trim();
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    const own = `http://127.0.0.1:${port}/${manifest.name}`;
    if (request.url === `/${manifest.name}`) {
      response.setHeader("content-type", "application/json").end(packument(manifest, tarball, own));
    } else if (request.url === `/${manifest.name}/package.tgz`) {
      response.end(tarball);
    } else {
      response.writeHead(302, { location: new URL(`.${request.url}`, upstream).href }).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const noProxy = [process.env.npm_config_noproxy, process.env.NO_PROXY, "127.0.0.1"].filter(Boolean);
  return {
    env: { npm_config_registry: `http://127.0.0.1:${port}/`, npm_config_noproxy: noProxy.join(",") },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A registry's document about a package with one version. */
function packument(manifest: Packed["manifest"], tarball: Buffer, own: string): string {
  const { name, version } = manifest;
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const dist = { tarball: `${own}/package.tgz`, integrity };
  return JSON.stringify({
    name,
    "dist-tags": { latest: version },
    versions: { [version]: { ...manifest, dist } },
  });
}
