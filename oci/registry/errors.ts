// Says what a registry did wrong. What it writes itself is shown without control characters, since
// a terminal would obey them.

import { MeshwrightError } from "../../envoy/errors.js";

/** A failure that may not happen again: another attempt is worth it. */
export class Transient extends Error {
  constructor(
    readonly failure: MeshwrightError,
    /** How long the registry asks to wait, in milliseconds. */
    readonly waitMs = 0,
  ) {
    super(failure.message);
  }
}

export function registryFailure(registry: string, what: string, cause?: unknown): MeshwrightError {
  return new MeshwrightError("registry-failed", `${registry}: ${what}`, [], { cause });
}

const MAX_SHOWN = 200;

/** A text of the registry, in one line. */
export function shown(text: string): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return plain.length > MAX_SHOWN ? `${plain.slice(0, MAX_SHOWN)} …` : plain;
}

/** The registry's own words in an answer, in brackets; empty where it has none. */
export function ownWords(body: Uint8Array): string {
  const text = Buffer.from(body).toString("utf8");
  try {
    const { errors } = JSON.parse(text) as { errors?: readonly { code?: unknown; message?: unknown }[] };
    const words = errors?.map(({ code, message }) => [code, message].filter(Boolean).join(": ")).join("; ");
    return words ? ` (${shown(words)})` : "";
  } catch {
    return "";
  }
}
