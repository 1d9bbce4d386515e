// For tests whose outcome differs between releases of Envoy. Such a test names the release.

import { defaultEnvoyVersion } from "../../envoy/runtime/releases.js";
import { chooseRuntime } from "../../kit/envoy/runtime.js";

/**
 * Whether the Envoy of the tests is an earlier release. For an image its tag tells, `vRELEASE`; an
 * image with another tag counts as the pinned release.
 * @param release such as `1.39`, or `1.39.3`
 * @throws MeshwrightError `envoy-not-found` when no Envoy is available
 */
export async function isBefore(release: string): Promise<boolean> {
  const runtime = await chooseRuntime({});
  const version = runtime.kind === "process" ? runtime.binary.version : ofImage(runtime.image);
  return compare(version, release) < 0;
}

function ofImage(image: string): string {
  return /:v(\d+\.\d+\.\d+)/.exec(image)?.[1] ?? defaultEnvoyVersion;
}

/** Negative when the first one is earlier. Missing parts are 0. */
export function compare(one: string, other: string): number {
  const [a, b] = [one, other].map((version) => version.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
