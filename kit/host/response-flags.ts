// Envoy's response flags, with which its access log and the attribute `response.flags` mark what
// went wrong.

import type { ResetReason } from "./retry.js";

export type ResponseFlag = "URX" | "UT" | "LR" | "UR" | "UF" | "UC" | "UPE" | "DC" | "DR";

const ORDER: readonly ResponseFlag[] = ["URX", "UT", "LR", "UR", "UF", "UC", "UPE", "DC", "DR"];

/** The flag for an attempt that ended without a response. */
export const FLAG_OF_RESET: Readonly<Record<ResetReason, ResponseFlag>> = {
  "connection termination": "UC",
  "protocol error": "UPE",
  "remote reset": "UR",
  "remote connection failure": "UF",
  "local reset": "LR",
};

/** The bits of `response.flags`. */
const BITS: Readonly<Record<string, number>> = {
  UT: 0x4,
  LR: 0x8,
  UR: 0x10,
  UF: 0x20,
  UC: 0x40,
  DC: 0x4000,
  URX: 0x8000,
};

/** The flags as in the access log, `-` for none. */
export function flagsText(flags: ReadonlySet<ResponseFlag>): string {
  return ORDER.filter((flag) => flags.has(flag)).join(",") || "-";
}

/** The same as the number of the attribute. */
export function flagBits(text: string): number {
  return text.split(",").reduce((bits, flag) => bits | (BITS[flag] ?? 0), 0);
}
