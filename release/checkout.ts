// What a release may be made from: a commit, with nothing beside it.

import path from "node:path";
import { MeshwrightError } from "../envoy/errors.js";
import { runBounded } from "../envoy/runtime/command.js";

const GIT_MS = 20_000;
/** How many changed files an error names. */
const SHOWN = 10;

/**
 * Refuses a checkout whose files are not those of its commit: nobody could make the same release
 * again.
 * @throws MeshwrightError `configuration`
 */
export async function refuseChanged(root: string): Promise<void> {
  const status = await git(root, "status", "--porcelain");
  if (status === "") return;
  const lines = status.split("\n");
  const more = lines.length > SHOWN ? [`… and ${lines.length - SHOWN} more`] : [];
  throw new MeshwrightError(
    "configuration",
    `${root} has changes that are not committed: commit or remove them, or add --allow-dirty for a trial`,
    [...lines.slice(0, SHOWN), ...more],
  );
}

/**
 * Refuses a tag that names another version than package.json.
 * @throws MeshwrightError `configuration`
 */
export function refuseOtherTag(tag: string, version: string): void {
  if (tag === `v${version}`) return;
  throw new MeshwrightError(
    "configuration",
    `the tag ${tag} does not name version ${version} of package.json: tag v${version}, or change the version`,
  );
}

async function git(root: string, ...args: readonly string[]): Promise<string> {
  const done = await runBounded("git", ["-C", root, ...args], { timeoutMs: GIT_MS });
  if (done.outcome === "done") return done.output.trimEnd();
  throw new MeshwrightError(
    "configuration",
    `${path.resolve(root)} is not a git checkout, so no commit can be named: clone the repository, or add --allow-dirty for a trial`,
    [done.reason],
  );
}
