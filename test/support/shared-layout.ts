// What a filter keeps in shared data, byte by byte, for the tests that pin its layouts. A release
// that gives a byte another meaning must not read what an older one wrote.

import { type HostedModule, loadModule } from "../../kit/host/load.js";

/** The value of every random byte, so that secrets and their hashes repeat. */
const RANDOM = 0x07;

/** A module whose random numbers are always the same. */
export function predictable(path: string): HostedModule {
  const module = loadModule(path);
  module.host.fillRandom = (bytes) => bytes.fill(RANDOM);
  return module;
}

/**
 * Keys as text, in which a byte that is not printable ASCII is `\xNN`, and values in hexadecimal.
 */
export function sharedLayout({ host }: HostedModule): Record<string, string> {
  const entries = [...host.sharedDataOf("").entries];
  return Object.fromEntries(
    entries.map(([key, value]) => [printable(key), Buffer.from(value, "latin1").toString("hex")]),
  );
}

function printable(key: string): string {
  const escaped = (byte: string) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
  return key.replace(/[^\x20-\x7e]/g, escaped);
}

/** A layout's bytes: parts in hexadecimal, separated by spaces, and zeros up to this size. */
export function layout(bytes: number, ...parts: readonly string[]): string {
  return parts
    .join("")
    .replaceAll(" ", "")
    .padEnd(2 * bytes, "0");
}
