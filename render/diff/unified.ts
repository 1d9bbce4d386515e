// A difference as people read it, and as `patch` takes it.

import { createTwoFilesPatch } from "diff";

/** The unified diff of two texts under these names, without the lines that some tools add. */
export function unifiedDiff(from: string, to: string, before: string, after: string): string {
  return createTwoFilesPatch(from, to, before, after, "", "").replace(/^(Index: .*\n)?=+\n/, "");
}
