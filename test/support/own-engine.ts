// A container engine of a test's own, which the test may stop and kill. It has namespaces for its
// processes and its network, so that nothing of another engine is touched and nothing is left.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { vi } from "vitest";
import { chooseImages, docker } from "../../compose/containers/engine.js";

const WAIT = { timeout: 60_000, interval: 200 };

/** Why no engine can be started here; undefined where one can. */
export function whyNoOwnEngine(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  const missing = ["dockerd", "iptables", "unshare", "ip"].filter(
    (tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0,
  );
  return missing.length === 0 ? undefined : `${missing.join(", ")} is not installed here`;
}

/**
 * The first process of the engine's namespaces: does what the words on its standard input say, and
 * answers each with a line. Its end is the end of all that the engine has started.
 */
const CONTROL = `
ip link set lo up
folder=$1; engine=
while read -r word; do
  case $word in
    start) rm -f "$folder/engine.pid"
      dockerd --host "unix://$folder/docker.sock" --data-root "$folder/data" --exec-root "$folder/exec" \\
        --pidfile "$folder/engine.pid" >>"$folder/log" 2>&1 & engine=$! ;;
    stop) kill "$engine"; wait "$engine" ;;
    kill) kill -KILL "$engine"; wait "$engine" ;;
  esac
  echo done
done`;

export class OwnEngine implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(readonly folder: string) {
    const namespaces = ["--net", "--pid", "--mount-proc", "--fork", "--kill-child"];
    this.#child = spawn("unshare", [...namespaces, "bash", "-c", CONTROL, "control", folder], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    if (this.#child.stdout === null) throw new Error("unshare has no output");
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Starts an engine that has the images of a mesh, which it takes from this machine's engine. */
  static async start(): Promise<OwnEngine> {
    const engine = new OwnEngine(await mkdtemp(path.join(tmpdir(), "engine-")));
    try {
      await engine.start();
      const { ENVOY_IMAGE, NODE_IMAGE } = await chooseImages();
      const archive = path.join(engine.folder, "images.tar");
      for (const [args, env] of [
        [["save", "--output", archive, ENVOY_IMAGE, NODE_IMAGE], process.env],
        [["load", "--input", archive], { ...process.env, ...engine.env }],
      ] as const) {
        const { outcome, output } = await docker(args, env, 120_000);
        if (outcome === "failed") throw new Error(`docker ${args[0]}: ${output}`);
      }
      await rm(archive);
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What leads docker to this engine. */
  get env(): { readonly DOCKER_HOST: string } {
    return { DOCKER_HOST: `unix://${this.folder}/docker.sock` };
  }

  /** Settles when the engine answers. */
  async start(): Promise<void> {
    await this.#say("start");
    try {
      await vi.waitFor(async () => {
        if ((await this.docker("version")).outcome === "failed") throw new Error("it does not answer");
      }, WAIT);
    } catch (cause) {
      const log = await readFile(path.join(this.folder, "log"), "utf8");
      throw new Error(`dockerd does not start:\n${log.slice(-2_000)}`, { cause });
    }
  }

  /** Ends it in good order: it stops its containers first. */
  stop(): Promise<void> {
    return this.#say("stop");
  }

  /** Kills it, so that its containers run on. */
  kill(): Promise<void> {
    return this.#say("kill");
  }

  docker(...args: readonly string[]) {
    return docker(args, { ...process.env, ...this.env });
  }

  async #say(word: string): Promise<void> {
    this.#child.stdin?.write(`${word}\n`);
    const { value } = await this.#lines.next();
    if (value !== "done") throw new Error(`the engine's control ended at "${word}"`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
    await rm(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
