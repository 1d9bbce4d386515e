// Ends child processes, and all that they started, after this process was killed: a shell knows
// the children's groups.

import { startOutlivingShell } from "./outliving-shell.js";

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
  const shell = startOutlivingShell(script, "meshwright-reaper");
  const tell = (change: string, group: number) => void shell.stdin.write(`${change} ${group}\n`);
  return { add: (group) => tell("add", group), remove: (group) => tell("remove", group) };
}
