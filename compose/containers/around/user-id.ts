// The user of each sidecar. The kernel counts inotify instances for each user, and a sidecar needs
// several; with users of their own, sidecars do not share the 128 that a user may have.

import { createHash } from "node:crypto";

/** Within the numbers that an engine without root has, and above those of people and programs. */
const FIRST = 20_000;
const NUMBERS = 40_000;

/** The number of a sidecar's user. It depends on the name alone, so that an edit moves no other. */
export function envoyUserId(envoy: string): number {
  return FIRST + (createHash("sha256").update(envoy).digest().readUInt32BE() % NUMBERS);
}
