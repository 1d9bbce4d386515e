// Makes images where the official ones cannot be pulled: Envoy's from the pinned wheel, Node's
// from the Node that runs this, and that of pods with rules from this machine's nft.

import { existsSync } from "node:fs";
import { connectEngine } from "./engine.js";
import { findEnvoy } from "./find.js";
import { imageVersion, localImage } from "./image.js";
import { packImage } from "./pack-image.js";

export interface MakeImageOptions {
  /**
   * The environment in which `ENVOY_VERSION` and the variables of `findEnvoy` are read. Default:
   * this process's.
   */
  readonly env?: NodeJS.ProcessEnv;
  /** Called with a line for each step that takes long. */
  readonly onProgress?: (message: string) => void;
}

const envoyPlace = "/usr/local/bin/envoy";
const nodePlace = "/usr/local/bin/node";
/** What the health checks of the local mesh need. The official images have them too. */
const SHELL = Object.fromEntries(
  ["/bin/bash", "/bin/sh", "/usr/bin/sleep"].filter(existsSync).map((program) => [program, program]),
);

/**
 * Makes the image of Envoy and returns its name, see `localImage`.
 * @throws MeshwrightError `envoy-not-found` when there is no engine, no Envoy of the release for
 * Linux, or the engine refuses the image
 */
export async function makeImage(options: MakeImageOptions = {}): Promise<string> {
  const { env = process.env, onProgress } = options;
  const version = imageVersion(env);
  const engine = await connectEngine();
  // Only the release itself is used: a binary that somebody chose is passed over.
  const binary = await findEnvoy({
    env: { ...env, ENVOY_BIN: "", ENVOY_VERSION: version },
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const name = localImage(version);
  await packImage(engine, {
    name,
    programs: { [envoyPlace]: binary.path, ...SHELL },
    entrypoint: envoyPlace,
  });
  return name;
}

/** The name of the image of this machine's Node. It is not a name of Node's own. */
export function localNodeImage(version = process.versions.node): string {
  return `meshwright/node:${version}`;
}

/**
 * Makes the image of this machine's Node and returns its name.
 * @throws MeshwrightError `envoy-not-found` when there is no engine, or it refuses the image
 */
export async function makeNodeImage(): Promise<string> {
  const name = localNodeImage();
  const programs = { [nodePlace]: process.execPath, ...SHELL };
  await packImage(await connectEngine(), { name, programs });
  return name;
}

/** Where Debian and others have the program that loads rules into the kernel. */
const NFT = ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"];

/**
 * Makes the image of pods with rules from this machine's nft and shell. Settles with false where
 * nft is not installed here.
 * @throws MeshwrightError `envoy-not-found` when there is no engine, or it refuses the image
 */
export async function makeRedirectImage(name: string): Promise<boolean> {
  const nft = NFT.find(existsSync);
  if (nft === undefined) return false;
  await packImage(await connectEngine(), { name, programs: { "/usr/bin/nft": nft, ...SHELL } });
  return true;
}
