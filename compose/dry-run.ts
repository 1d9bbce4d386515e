// Tries a configuration on the module that will read it. A proxy that starts with a configuration
// that its module refuses answers every request with 500, whatever the failure policy says.

import { MeshwrightError } from "../envoy/errors.js";
import { HostedModule } from "../kit/host/load.js";

/**
 * Throws `MeshwrightError("configuration")` with what the module logged.
 * @param text the bytes that the module will read
 * @param place `file:line:column` of the configuration
 */
export function dryRun(filter: string, module: WebAssembly.Module, text: string, place: string): void {
  const { accepted, logs } = trial(filter, module, text, place);
  if (accepted) return;
  const [why = "it does not say why", ...rest] = logs;
  throw new MeshwrightError(
    "configuration",
    `${place}: the module of ${filter} refuses this configuration, and every new proxy would answer 500: ${why}`,
    rest,
  );
}

function trial(filter: string, module: WebAssembly.Module, text: string, place: string) {
  try {
    return new HostedModule(module).configure(Buffer.from(text));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new MeshwrightError(
      "configuration",
      `${place}: the module of ${filter} ends on this configuration: ${reason}`,
      [],
      { cause },
    );
  }
}
