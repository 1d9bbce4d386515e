// Istio's own command, for what it says of resources without a cluster.

import { spawnSync } from "node:child_process";
import { programPath } from "../../support/istio-programs.js";

/** What `analyze` found. */
export interface Finding {
  /** For example IST0101. */
  readonly code: string;
  readonly level: string;
  readonly message: string;
  /** KIND NAMESPACE/NAME */
  readonly origin: string;
}

const PATIENCE_MS = 60_000;
/** Its exit code where it found something. */
const FOUND = 79;

function istioctl(args: readonly string[]) {
  return spawnSync(programPath("istioctl"), args, { encoding: "utf8", timeout: PATIENCE_MS });
}

/** Validates files, unknown fields too. Returns its lines about what it does not like. */
export function validate(...files: readonly string[]): readonly string[] {
  const { status, stdout, stderr } = istioctl(["validate", ...files.flatMap((file) => ["-f", file])]);
  const lines = `${stdout}${stderr}`
    .split("\n")
    .filter((line) => !/^$| is valid$| has warnings: $/.test(line));
  return status === 0 || lines.length > 0 ? lines : [`istioctl validate ended with ${status}`];
}

/** Looks for contradictions in all namespaces: without `-A` it sees only `default`. */
export function analyze(...files: readonly string[]): readonly Finding[] {
  const { status, stdout, stderr } = istioctl(["analyze", "--use-kube=false", "-A", "-o", "json", ...files]);
  if (status !== 0 && status !== FOUND) throw new Error(`istioctl analyze ended with ${status}: ${stderr}`);
  return JSON.parse(stdout === "" ? "[]" : stdout) as readonly Finding[];
}
