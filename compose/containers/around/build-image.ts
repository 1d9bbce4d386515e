// Builds the image of pods with rules, once, before compose would do it for every pod.

import { MeshwrightError } from "../../../envoy/errors.js";
import { lastLines } from "../../../envoy/runtime/envoy-log.js";
import type { ComposeCli } from "../compose-cli.js";
import { isImageHere } from "../engine.js";
import type { ContainerPlan } from "../plan.js";

const DETAIL_LINES = 12;

/** @throws MeshwrightError `envoy-not-found` where the image can neither be found nor built */
export async function buildRedirectImage(
  compose: ComposeCli,
  { names }: ContainerPlan,
  image: string,
  onProgress: (line: string) => void,
): Promise<void> {
  if (await isImageHere(image)) return;
  onProgress(`Building the image ${image} from Debian's packages …`);
  const child = compose.start(["build", names.modules]);
  const { code } = await child.exited;
  if (code === 0) return;
  const lines = lastLines(child.logs(), DETAIL_LINES);
  throw new MeshwrightError(
    "envoy-not-found",
    `the image ${image} is not on this machine and cannot be built: make one with \`meshwright image --node\`, or name another in REDIRECT_IMAGE`,
    lines,
  );
}
