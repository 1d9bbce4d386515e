// What `meshwright render istio` writes.

import { runMain } from "../../integration/commands/run-main.js";

/** @throws Error where it refuses something */
export async function render(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runMain(["render", "istio", ...args]);
  if (exitCode !== 0) throw new Error(`render istio ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** The option that names a filter's image, where none is pulled. */
export function imageOption(name: string): readonly string[] {
  return ["--image", `${name}=oci://registry.example/mesh/${name}@sha256:${"ab".repeat(32)}`];
}
