// Runs stock Envoy as a container of this machine, from the bootstrap to the orderly end.

import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { StartedTestContainer, WaitStrategy } from "testcontainers";
import { MeshwrightError } from "../errors.js";
import type { ChildExit } from "./child.js";
import type { ContainerNetwork, Engine } from "./engine.js";
import { OWNER_LABEL } from "./guard.js";
import { LineRing, LineSplitter } from "./log-lines.js";
import {
  adminOf,
  checkPorts,
  type EnvoyRunOptions,
  envoyArguments,
  READY_TIMEOUT_MS,
  type RunningEnvoy,
  untilReady,
  writeBootstrap,
} from "./running.js";

export interface EnvoyContainerOptions extends EnvoyRunOptions {
  readonly engine: Engine;
  readonly image: string;
  /** The value of the container's `OWNER_LABEL`. */
  readonly owner: string;
  /** Folders that Envoy reads beside `directory`; each stands at the same path in the container. */
  readonly readableFolders: readonly string[];
  readonly network: ContainerNetwork;
  /**
   * The ports to publish, for a container with a network of its own. They are the same on both
   * sides.
   */
  readonly ports: readonly number[];
}

/** The name by which a container with a network of its own knows this machine. */
export const HOST_NAME = "host.docker.internal";

const stopTimeoutMs = 3_000;
const outputDrainMs = 500;

/**
 * Starts Envoy and settles when it serves. The container sees `directory` at the same path, and
 * sees changes of files in it.
 * @throws MeshwrightError as `startEnvoyProcess`, and `envoy-failed` when the engine does not start
 * the container
 */
export async function startEnvoyContainer(options: EnvoyContainerOptions): Promise<RunningEnvoy> {
  const { bootstrap, name = "envoy", network, engine } = options;
  const admin = adminOf(bootstrap, name);
  if (network === "host") await checkPorts(bootstrap, name);
  const file = await writeBootstrap(options);
  const output = new Output();
  const container = await start(options, envoyArguments(file, options), (stream) => output.follow(stream));
  const exited = exitOf(engine, container.getId(), output);
  const stop = () => stopContainer(container, exited);
  const envoy = { name, admin, exited, logs: () => output.text(), stop };
  try {
    await untilReady(envoy, options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...envoy, [Symbol.asyncDispose]: stop };
}

async function start(
  options: EnvoyContainerOptions,
  args: string[],
  onOutput: (stream: Readable) => void,
): Promise<StartedTestContainer> {
  const { engine, image, directory, network, ports, owner, readableFolders } = options;
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const container = genericContainer(engine, image, network === "host" ? [] : ports)
    // Arguments only, because images have Envoy in different places.
    .withCommand(args)
    // Files are read and written as the user who runs the test. The official image's entry point
    // would choose another user.
    .withUser(user)
    .withEnvironment({ ENVOY_UID: "0" })
    .withLabels({ [OWNER_LABEL]: owner })
    .withBindMounts([
      { source: directory, target: directory, mode: "rw" },
      ...readableFolders.map((source) => ({ source, target: source, mode: "ro" as const })),
    ])
    .withLogConsumer(onOutput)
    .withWaitStrategy(NO_WAIT)
    // Our own guard ends the containers of a process that was killed. It needs no image.
    .withAutoCleanup(false);
  if (network === "host") container.withNetworkMode("host");
  else container.withExtraHosts([{ host: HOST_NAME, ipAddress: "host-gateway" }]);
  try {
    return await container.start();
  } catch (cause) {
    await removeOwned(engine, owner);
    throw new MeshwrightError(
      "envoy-failed",
      `the engine does not start a container of ${image}: ${(cause as Error).message.trim()}`,
      [],
      { cause },
    );
  }
}

/** A container that was created and did not start has no handle that could stop it. */
async function removeOwned({ client }: Engine, owner: string): Promise<void> {
  const { dockerode } = client.container;
  const label = [`${OWNER_LABEL}=${owner}`];
  for (const { Id } of await dockerode.listContainers({ all: true, filters: { label } })) {
    await dockerode
      .getContainer(Id)
      .remove({ force: true })
      .catch(() => {});
  }
}

/**
 * The ports are published on 127.0.0.1 alone, because anybody who reaches the admin interface
 * controls the proxy. testcontainers has no option for this.
 */
function genericContainer(engine: Engine, image: string, ports: readonly number[]) {
  const keys = ports.map((port) => [port, `${port}/tcp`] as const);
  class Published extends engine.testcontainers.GenericContainer {
    protected override async beforeContainerCreated(): Promise<void> {
      this.createOpts.ExposedPorts = Object.fromEntries(keys.map(([, key]) => [key, {}]));
      this.hostConfig.PortBindings = Object.fromEntries(
        keys.map(([port, key]) => [key, [{ HostIp: "127.0.0.1", HostPort: String(port) }]]),
      );
    }
  }
  return new Published(image);
}

/**
 * The admin interface tells when Envoy is ready, as for a process. This way also shows how Envoy
 * ended, if it did.
 */
const NO_WAIT: WaitStrategy = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => NO_WAIT,
  isStartupTimeoutSet: () => false,
  getStartupTimeout: () => READY_TIMEOUT_MS,
};

/** The last lines that a container wrote. */
class Output {
  readonly #ring = new LineRing();
  ended: Promise<void> = Promise.resolve();

  follow(stream: Readable): void {
    const splitter = new LineSplitter((line) => this.#ring.push(line));
    stream.on("data", (chunk: Buffer | string) => splitter.write(Buffer.from(chunk)));
    stream.on("error", () => {});
    this.ended = new Promise((resolve) => {
      stream.on("close", () => {
        splitter.end();
        resolve();
      });
    });
  }

  text(): string {
    return this.#ring.text();
  }
}

async function exitOf({ client }: Engine, id: string, output: Output): Promise<ChildExit> {
  let exit: ChildExit;
  try {
    const { StatusCode } = (await client.container.getById(id).wait()) as { StatusCode: number };
    exit = { code: StatusCode, signal: null };
  } catch {
    // Somebody removed the container.
    exit = { code: null, signal: "SIGKILL" };
  }
  await Promise.race([output.ended, delay(outputDrainMs)]);
  return exit;
}

async function stopContainer(container: StartedTestContainer, exited: Promise<ChildExit>): Promise<void> {
  try {
    await container.stop({ timeout: stopTimeoutMs, remove: true });
  } catch {
    // The container is already gone, as it should be.
  }
  await exited;
}
