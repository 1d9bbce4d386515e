// Starts a child process and makes sure that it ends with all that it started: when it is stopped,
// when this process ends, and when this process is killed. Envoy, the services of a mesh and pip
// are started here.

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { MeshwrightError } from "../errors.js";
import { LogFile, type LogState } from "./log-file.js";
import { LineRing, LineSplitter } from "./log-lines.js";
import { type Reaper, startReaper } from "./reaper.js";

/** How a process ended: one of the two is set. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface ChildOptions {
  /** A path, or a name to find on the PATH. */
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the child; default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The name for messages. */
  readonly name: string;
  /** Called with each line of output. Must not throw. */
  readonly onLine?: (line: string) => void;
  /**
   * Output is appended to this file, made with mode 0644. A file that cannot be written does not
   * end the child.
   */
  readonly logFile?: string;
  readonly onLogState?: LogState;
}

/** A running child process. Disposing of it stops it. */
export interface ManagedChild extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process has ended and its output has been read to the end. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /**
   * The last lines of standard output and standard error, in the order of their arrival, joined
   * with line feeds.
   */
  logs(): string;
  /**
   * Sends SIGTERM, and after 3 s SIGKILL, to the process and all that it started. Settles when it
   * has ended; may be called again.
   */
  stop(): Promise<void>;
}

const graceMs = 3_000;
/**
 * A process that left the group may hold the output open for ever. Output is read for this long
 * after the end.
 */
const outputDrainMs = 500;

/**
 * Starts a process in a group of its own. A terminal's Ctrl-C then does not reach it before our
 * orderly stop.
 * @throws MeshwrightError `service-failed` when the program cannot be started.
 */
export function startChild(options: ChildOptions): ManagedChild {
  const { name } = options;
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  // Without a listener, a failed start would end this process.
  child.on("error", () => {});
  const pid = child.pid;
  if (pid === undefined) {
    throw new MeshwrightError(
      "service-failed",
      `${name}: cannot start "${options.command}"; check that the program and its folder exist and may be run`,
    );
  }
  const ring = new LineRing();
  const file = options.logFile === undefined ? undefined : new LogFile(options.logFile, options.onLogState);
  const flushed = collect(
    [child.stdout, child.stderr],
    (line) => {
      ring.push(line);
      file?.write(line);
      options.onLine?.(line);
    },
    file,
  );
  const exited = watch(child, pid, flushed);
  const stop = () => stopGroup(child, pid, exited);
  return { name, pid, exited, logs: () => ring.text(), stop, [Symbol.asyncDispose]: stop };
}

/** Passes on the lines of output. Returns a function that ends the file after the last line. */
function collect(
  streams: readonly Readable[],
  onLine: (line: string) => void,
  file?: LogFile,
): () => Promise<void> {
  const splitters = streams.map((stream) => {
    const splitter = new LineSplitter(onLine);
    stream.on("data", (chunk: Buffer) => splitter.write(chunk));
    return splitter;
  });
  return async () => {
    for (const stream of streams) stream.destroy();
    for (const splitter of splitters) splitter.end();
    await file?.end();
  };
}

async function watch(child: ChildProcess, pid: number, flushed: () => Promise<void>): Promise<ChildExit> {
  endWithParent(pid);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const exit = await new Promise<ChildExit>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal })),
  );
  // This is done at once: while a member lives, no other group gets its id.
  signalGroup(pid, "SIGKILL");
  running.delete(pid);
  reaper?.remove(pid);
  await Promise.race([closed, delay(outputDrainMs)]);
  await flushed();
  return exit;
}

async function stopGroup(child: ChildProcess, pid: number, exited: Promise<ChildExit>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) signalGroup(pid, "SIGTERM");
  const timer = setTimeout(() => {
    if (running.has(pid)) signalGroup(pid, "SIGKILL");
  }, graceMs);
  await exited;
  clearTimeout(timer);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has already ended, as it should.
  }
}

/** The living groups. This is state of the module, because the process has one exit. */
const running = new Set<number>();
let reaper: Reaper | undefined;

/**
 * A group of its own outlives this process unless we end it: by the exit hook, or after a kill by
 * the reaper. A test that crashes must leave no Envoy behind.
 */
function endWithParent(group: number): void {
  if (reaper === undefined) {
    reaper = startReaper();
    process.on("exit", () => {
      for (const each of running) signalGroup(each, "SIGKILL");
    });
  }
  running.add(group);
  reaper.add(group);
}
