// The container engine of this machine, through testcontainers, which is an optional package.

import { createRequire } from "node:module";
import { hostname } from "node:os";
import type { ContainerRuntimeClient } from "testcontainers";
import { MeshwrightError } from "../errors.js";

export interface Engine {
  readonly testcontainers: typeof import("testcontainers");
  readonly client: ContainerRuntimeClient;
}

/**
 * How a container and the servers of this machine reach each other. `host`: on the host's own
 * network, as on Linux. `published`: on a network of its own with published ports, as with engines
 * in a virtual machine.
 */
export type ContainerNetwork = "host" | "published";

const local = new Set(["localhost", "127.0.0.1", "::1"]);

let engine: Promise<Engine> | undefined;

/**
 * Settles when an engine answers. The first answer is kept while this process runs.
 * @throws MeshwrightError `envoy-not-found` when testcontainers is not installed, or no engine of
 * this machine answers
 */
export function connectEngine(): Promise<Engine> {
  engine ??= connect();
  return engine;
}

async function connect(): Promise<Engine> {
  const testcontainers = await load();
  let client: ContainerRuntimeClient;
  try {
    client = await testcontainers.getContainerRuntimeClient();
  } catch (cause) {
    throw new MeshwrightError(
      "envoy-not-found",
      "no container engine answers here: start Docker, or set MESHWRIGHT_ENVOY=process",
      [],
      { cause },
    );
  }
  const elsewhere = await otherMachine(client);
  if (elsewhere === undefined) return { testcontainers, client };
  throw new MeshwrightError(
    "envoy-not-found",
    `the container engine is on ${elsewhere}, and its containers do not see the files of this machine: use an engine of this machine, or set MESHWRIGHT_ENVOY=process`,
  );
}

/** The name of the machine that the engine runs on, where that is not this machine. */
async function otherMachine(client: ContainerRuntimeClient): Promise<string | undefined> {
  if (isVirtualMachine(client)) {
    // Such engines share the files of the machine that they were started on.
    const { host } = client.info.containerRuntime;
    return local.has(host) ? undefined : host;
  }
  const { Name } = (await client.container.dockerode.info()) as { readonly Name: string };
  return Name === hostname() ? undefined : Name;
}

function isVirtualMachine(client: ContainerRuntimeClient): boolean {
  return process.platform !== "linux" || client.info.containerRuntime.operatingSystem === "Docker Desktop";
}

async function load(): Promise<typeof import("testcontainers")> {
  try {
    return await import("testcontainers");
  } catch (cause) {
    throw new MeshwrightError(
      "envoy-not-found",
      "Envoy in a container needs the package testcontainers: npm install --save-dev testcontainers@11, or set MESHWRIGHT_ENVOY=process",
      [],
      { cause },
    );
  }
}

/** The network that works with this engine. */
export function networkOf({ client }: Engine): ContainerNetwork {
  return isVirtualMachine(client) ? "published" : "host";
}

/** The file of testcontainers, for a separate process that loads it. */
export function testcontainersPath(): string {
  return createRequire(import.meta.url).resolve("testcontainers");
}
