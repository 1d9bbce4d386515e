// Asks stock Envoy whether it would take a bootstrap.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MeshwrightError } from "../errors.js";
import { runBounded } from "./command.js";
import { endReason, lastLines } from "./envoy-log.js";
import type { EnvoyBinary } from "./find.js";

const timeoutMs = 30_000;

/**
 * Runs `envoy --mode validate`; settles when Envoy accepts.
 * @throws MeshwrightError `configuration` with Envoy's own sentence; `envoy-failed` when Envoy
 * gives no verdict.
 */
export async function validateBootstrap(binary: EnvoyBinary, bootstrap: object): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "meshwright-validate-"));
  try {
    const file = join(directory, "bootstrap.json");
    await writeFile(file, JSON.stringify(bootstrap));
    const result = await runBounded(binary.path, ["--mode", "validate", "-c", file], { timeoutMs });
    if (result.outcome === "done") return;
    const refused = result.outcome === "failed" && result.code === 1;
    throw new MeshwrightError(
      refused ? "configuration" : "envoy-failed",
      refused
        ? `Envoy ${binary.version} refuses the configuration: ${endReason(result.output)}`
        : `Envoy ${binary.version} gave no verdict on the configuration: ${result.reason}`,
      lastLines(result.output, 12),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
