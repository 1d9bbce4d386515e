// A shell that learns how this process ended: a process that was killed runs no more code, but its
// pipe closes, and the shell waits at the other end of it. It costs next to nothing until then.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Writable } from "node:stream";

export type OutlivingShell = ChildProcessByStdio<Writable, null, null>;

/**
 * Starts a shell that outlives this process however it ends, and does not keep it alive. Its
 * standard input ends with this process. Where there is no shell nothing is done after a kill, and
 * everything else works.
 * @param name what the system's list of processes calls it
 */
export function startOutlivingShell(
  script: string,
  name: string,
  args: readonly string[] = [],
): OutlivingShell {
  const shell = spawn("/bin/sh", ["-c", script, name, ...args], {
    // It has a session of its own: a signal to our group, or to our terminal's, does not reach it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  shell.on("error", () => {});
  shell.stdin.on("error", () => {});
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return shell;
}
