// `meshwright image`: makes a container image of the pinned Envoy, for use where the official one
// cannot be pulled.

import type { Command } from "commander";
import { makeImage } from "../../envoy/runtime/make-image.js";
import { exitCodesHelp } from "../failures.js";
import type { Screen } from "../screen.js";

export function addImage(root: Command, screen: Screen): void {
  root
    .command("image")
    .description(
      "Make a container image of the pinned Envoy, for use where the official one cannot be pulled.",
    )
    .addHelpText("after", EXAMPLES)
    .action(async () => {
      const name = await makeImage({ onProgress: (line) => screen.print([line]) });
      screen.print([`made ${name}`]);
    });
}

const EXAMPLES = `
The image is named meshwright/envoy and its tag is the release. It holds Envoy,
its libraries and the certificate authorities of this machine. Tests that run
Envoy in a container use it where the official image is not on this machine
and ENVOY_IMAGE is not set. The command needs Linux, Docker, and the package
testcontainers.

Examples:
  meshwright image
  ENVOY_VERSION=1.40.0 meshwright image
${exitCodesHelp("the image is made", ["usage", "envoy-not-found"])}`;
