// Makes an image from the pinned wheel, without a base image: Envoy, the libraries that it is
// linked against, and the certificate authorities.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { MeshwrightError } from "../errors.js";
import { findCaBundle } from "./ca-bundle.js";
import { runBounded } from "./command.js";
import { connectEngine, type Engine } from "./engine.js";
import { findEnvoy } from "./find.js";
import { imageVersion, localImage } from "./image.js";

export interface MakeImageOptions {
  /**
   * The environment in which `ENVOY_VERSION` and the variables of `findEnvoy` are read. Default:
   * this process's.
   */
  readonly env?: NodeJS.ProcessEnv;
  /** Called with a line for each step that takes long. */
  readonly onProgress?: (message: string) => void;
}

const binaryPlace = "/usr/local/bin/envoy";
const authoritiesPlace = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Makes the image and returns its name, see `localImage`. It replaces an image of that name, which
 * is removed unless a container uses it.
 * @throws MeshwrightError `envoy-not-found` when there is no engine, no Envoy of the release for
 * Linux, or the engine refuses the image
 */
export async function makeImage(options: MakeImageOptions = {}): Promise<string> {
  const { env = process.env, onProgress } = options;
  if (process.platform !== "linux") {
    throw new MeshwrightError(
      "envoy-not-found",
      "an image can be made on Linux only, because it holds this machine's Envoy: pull the official one, or name another in ENVOY_IMAGE",
    );
  }
  const version = imageVersion(env);
  const engine = await connectEngine();
  // Only the release itself is used: a binary that somebody chose is passed over.
  const binary = await findEnvoy({
    env: { ...env, ENVOY_BIN: "", ENVOY_VERSION: version },
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const root = await mkdtemp(join(tmpdir(), "meshwright-image-"));
  try {
    await gather(root, binary.path);
    const name = localImage(version);
    const replaced = await idOf(engine, name);
    await load(engine, root, name);
    if (replaced !== undefined) await removeUnused(engine, replaced);
    return name;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Makes links to all files of the image, in their places below `root`. */
async function gather(root: string, binary: string): Promise<void> {
  const files = new Map([[binaryPlace, binary]]);
  for (const library of await librariesOf(binary)) files.set(library, library);
  // An Envoy without authorities still serves.
  const authorities = await findCaBundle().catch(() => undefined);
  if (authorities !== undefined) files.set(authoritiesPlace, authorities);
  for (const [place, file] of files) {
    const target = join(root, place);
    await mkdir(dirname(target), { recursive: true });
    await symlink(await realpath(file), target);
  }
}

/** The paths under which a program looks for its libraries, its loader among them. */
async function librariesOf(binary: string): Promise<readonly string[]> {
  const result = await runBounded("ldd", [binary], { timeoutMs: 20_000 });
  if (result.outcome === "failed") {
    throw new MeshwrightError("envoy-not-found", `ldd cannot say what ${binary} needs: ${result.reason}`);
  }
  return [...result.output.matchAll(/(\/\S+) \(0x[0-9a-f]+\)/g)].map(([, library = ""]) => library);
}

/** Gives the folder to the engine as the only layer of an image. */
async function load({ client }: Engine, root: string, name: string): Promise<void> {
  const [repo = "", tag = ""] = name.split(":");
  const tar = spawn("tar", ["-C", root, "-ch", "--owner=0", "--group=0", "--numeric-owner", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const packed = new Promise<number | null>((resolve) => {
    tar.on("error", () => resolve(null));
    tar.on("close", resolve);
  });
  const { dockerode } = client.container;
  const answer = await dockerode.importImage(tar.stdout, {
    repo,
    tag,
    changes: [`ENTRYPOINT ["${binaryPlace}"]`],
  });
  const failure = await new Promise<Error | null>((resolve) => {
    dockerode.modem.followProgress(answer, (error) => resolve(error));
  });
  if (failure === null && (await packed) === 0) return;
  const reason = failure?.message ?? "tar did not pack it";
  throw new MeshwrightError("envoy-not-found", `the image ${name} cannot be made: ${reason}`);
}

async function idOf({ client }: Engine, name: string): Promise<string | undefined> {
  const { dockerode } = client.container;
  const [image] = await dockerode.listImages({ filters: { reference: [name] } });
  return image?.Id;
}

async function removeUnused({ client }: Engine, id: string): Promise<void> {
  // The engine refuses this where a container uses the image, or where it has another name.
  await client.container.dockerode
    .getImage(id)
    .remove()
    .catch(() => {});
}
