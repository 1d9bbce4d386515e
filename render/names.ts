// Names of Kubernetes resources: short enough, and no two things get the same one.

import { createHash } from "node:crypto";

/** The longest name that may also be a label's value. */
export const MAX_NAME = 63;
const HASH_DIGITS = 8;

/**
 * A name for each thing, in the order given. A name is the thing's parts joined by "-". One that is
 * too long is cut, and one that two things would have is not used: they end in a hash of the parts.
 * So a name does not depend on the order of things. An empty part is not shown, and tells apart
 * what would be called the same.
 * @param things lists of parts, each of `a-z`, `0-9` and `-`; equal lists get equal names
 */
export function resourceNames(things: readonly (readonly string[])[]): readonly string[] {
  const owners = new Map<string, Set<string>>();
  for (const parts of things) {
    const name = shown(parts);
    owners.set(name, (owners.get(name) ?? new Set()).add(identity(parts)));
  }
  return things.map((parts) => {
    const name = shown(parts);
    const isShared = (owners.get(name)?.size ?? 0) > 1;
    return isShared || name.length > MAX_NAME ? withHash(name, parts) : name;
  });
}

function shown(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("-");
}

function withHash(name: string, parts: readonly string[]): string {
  const hash = createHash("sha256").update(identity(parts)).digest("hex").slice(0, HASH_DIGITS);
  return `${name.slice(0, MAX_NAME - HASH_DIGITS - 1).replace(/-+$/, "")}-${hash}`;
}

function identity(parts: readonly string[]): string {
  return parts.join("/");
}

/** Why a text cannot be the name of a Service or a label's value; undefined where it can. */
export function nameProblem(text: string): string | undefined {
  if (/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(text) && text.length <= MAX_NAME) return undefined;
  return `"${text}" cannot be a name in Kubernetes: use up to ${MAX_NAME} of a-z, 0-9 and "-", a letter first, and no "-" at the end`;
}
