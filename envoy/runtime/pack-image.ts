// Makes an image of this machine's programs, without a base image: each with the libraries that it
// is linked against, and the certificate authorities.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { MeshwrightError } from "../errors.js";
import { findCaBundle } from "./ca-bundle.js";
import { runBounded } from "./command.js";
import type { Engine } from "./engine.js";

export interface ImageContent {
  /** The image's name, with its tag. */
  readonly name: string;
  /** This machine's programs, by their places in the image. */
  readonly programs: Readonly<Record<string, string>>;
  /** The place of the program that runs by itself. */
  readonly entrypoint?: string;
}

const authoritiesPlace = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Makes the image. It replaces an image of that name, which is removed unless a container uses it.
 * @throws MeshwrightError `envoy-not-found` when this is not Linux, or the engine refuses the image
 */
export async function packImage(engine: Engine, content: ImageContent): Promise<void> {
  if (process.platform !== "linux") {
    throw new MeshwrightError(
      "envoy-not-found",
      "an image can be made on Linux only, because it holds this machine's programs: pull the official one, or name another in ENVOY_IMAGE",
    );
  }
  const { name, programs, entrypoint } = content;
  const root = await mkdtemp(join(tmpdir(), "meshwright-image-"));
  try {
    await gather(root, programs);
    const replaced = await idOf(engine, name);
    await load(engine, root, name, entrypoint);
    if (replaced !== undefined) await removeUnused(engine, replaced);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Makes links to all files of the image, in their places below `root`. */
async function gather(root: string, programs: ImageContent["programs"]): Promise<void> {
  const files = new Map(Object.entries(programs));
  for (const program of Object.values(programs)) {
    for (const library of await librariesOf(program)) files.set(library, library);
  }
  // Programs without authorities still serve.
  const authorities = await findCaBundle().catch(() => undefined);
  if (authorities !== undefined) files.set(authoritiesPlace, authorities);
  for (const [place, file] of files) {
    const target = join(root, place);
    await mkdir(dirname(target), { recursive: true });
    await symlink(await realpath(file), target);
  }
  // Programs that run where nothing may be written still want a place for temporary files.
  await mkdir(join(root, "tmp"), { recursive: true });
}

/** The paths under which a program looks for its libraries, its loader among them. */
async function librariesOf(program: string): Promise<readonly string[]> {
  const result = await runBounded("ldd", [program], { timeoutMs: 20_000 });
  if (result.outcome === "failed") {
    // As for a program that is linked against nothing.
    if (/not a dynamic executable|statically linked/.test(result.output)) return [];
    throw new MeshwrightError("envoy-not-found", `ldd cannot say what ${program} needs: ${result.reason}`);
  }
  return [...result.output.matchAll(/(\/\S+) \(0x[0-9a-f]+\)/g)].map(([, library = ""]) => library);
}

/** Gives the folder to the engine as the only layer of an image. */
async function load({ client }: Engine, root: string, name: string, entrypoint?: string): Promise<void> {
  const [repo = "", tag = ""] = name.split(":");
  const tar = spawn("tar", ["-C", root, "-ch", "--owner=0", "--group=0", "--numeric-owner", "."], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const packed = new Promise<number | null>((resolve) => {
    tar.on("error", () => resolve(null));
    tar.on("close", resolve);
  });
  const { dockerode } = client.container;
  const path = "ENV PATH=/usr/local/bin:/usr/bin:/bin";
  const changes = entrypoint === undefined ? [path] : [path, `ENTRYPOINT ["${entrypoint}"]`];
  const answer = await dockerode.importImage(tar.stdout, { repo, tag, changes });
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
