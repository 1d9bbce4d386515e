// Ends child processes, and all that they started, after this process was killed. Such a process
// runs no more code, but its pipe closes, and a shell at the other end knows the children's groups.
// It costs next to nothing until then.

import { spawn } from "node:child_process";

export interface Reaper {
  /** The group is ended with this process from now on. */
  add(group: number): void;
  /** It has ended by itself. */
  remove(group: number): void;
}

const script = `
groups=""
while read -r change group; do
  left=""
  for each in $groups; do [ "$each" = "$group" ] || left="$left $each"; done
  groups="$left"
  [ "$change" = add ] && groups="$groups $group"
done
for each in $groups; do kill -KILL "-$each" 2>/dev/null; done`;

/** Starts a shell that outlives this process however it ends, and then ends too. */
export function startReaper(): Reaper {
  const shell = spawn("/bin/sh", ["-c", script, "meshwright-reaper"], {
    // It has a session of its own: a signal to our group, or to our terminal's, does not reach it.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  // Without a shell nothing is ended after a kill. Everything else works.
  shell.on("error", () => {});
  shell.stdin.on("error", () => {});
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  const tell = (change: string, group: number) => void shell.stdin.write(`${change} ${group}\n`);
  return { add: (group) => tell("add", group), remove: (group) => tell("remove", group) };
}
