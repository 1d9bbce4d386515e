// What Istio's own checks say of resources: istiod's validation, `istioctl validate` and `analyze`.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { ControlPlane } from "./control-plane.js";
import { analyze, validate } from "./istioctl.js";

/** A finding that every EnvoyFilter has. */
const isKnown = (text: string) => text.includes("exposes internal implementation details");

export interface ComplaintOptions {
  readonly control: ControlPlane;
  readonly folder: string;
  /** A file with what a cluster has beside them. */
  readonly cluster: string;
}

/** All findings, but for what is known. */
export async function complaints(
  text: string,
  { control, folder, cluster }: ComplaintOptions,
): Promise<readonly string[]> {
  const file = path.join(folder, "rendered.yaml");
  await writeFile(file, text);
  const verdicts = (await control.apply(text)).map(
    ({ event, resource, message }) => `istiod: ${event}: ${resource}: ${message}`,
  );
  const lines = validate(file).map((line) => `validate: ${line}`);
  const findings = analyze(file, cluster).map(
    ({ code, origin, message }) => `analyze: ${code}: ${origin}: ${message}`,
  );
  return [...verdicts, ...lines, ...findings].filter((each) => !isKnown(each));
}
