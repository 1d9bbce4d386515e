// Finds what decides which file a path leads to: the name of each folder on the way, and of each
// symbolic link.

import { readlinkSync } from "node:fs";
import path from "node:path";

/** A name in a folder. Whoever replaces what has this name changes where the path leads. */
export interface TrailPoint {
  /** A folder's path without links. */
  readonly folder: string;
  readonly name: string;
}

export interface Trail {
  readonly points: readonly TrailPoint[];
  /** Where the path leads, without links; undefined where nothing is there. */
  readonly real: string | undefined;
}

/** Linux follows as many links in one path. */
const MAX_LINKS = 40;

/** @param place an absolute path */
export function trailOf(place: string): Trail {
  const points: TrailPoint[] = [];
  const { root } = path.parse(place);
  let at = root;
  let links = 0;
  const steps = stepsOf(place.slice(root.length)).reverse();
  for (let name = steps.pop(); name !== undefined; name = steps.pop()) {
    if (name === ".." || name === ".") {
      at = path.join(at, name);
      continue;
    }
    points.push({ folder: at, name });
    const found = linkAt(path.join(at, name));
    if (found === "nothing" || links > MAX_LINKS) return { points, real: undefined };
    if (found === "no link") {
      at = path.join(at, name);
      continue;
    }
    links += 1;
    if (path.isAbsolute(found.target)) at = root;
    steps.push(...stepsOf(found.target).reverse());
  }
  return { points, real: at };
}

function stepsOf(place: string): string[] {
  return place.split(path.sep).filter((step) => step !== "");
}

function linkAt(place: string): { readonly target: string } | "no link" | "nothing" {
  try {
    return { target: readlinkSync(place) };
  } catch (error) {
    // EINVAL: something else than a link. Whatever cannot be read is no link either.
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? "nothing" : "no link";
  }
}
