// `meshwright image`: makes container images for use where the official ones cannot be pulled.

import type { Command } from "commander";
import { REDIRECT_IMAGE } from "../../compose/containers/around/redirect-image.js";
import { NODE_IMAGE } from "../../compose/containers/images.js";
import { imageVersion, officialImage } from "../../envoy/runtime/image.js";
import { makeImage, makeNodeImage, makeRedirectImage } from "../../envoy/runtime/make-image.js";
import { exitCodesHelp } from "../failures.js";
import type { Screen } from "../screen.js";

export function addImage(root: Command, screen: Screen): void {
  root
    .command("image")
    .description(
      "Make a container image of the pinned Envoy, for use where the official one cannot be pulled.",
    )
    .option("--node", "and those of this machine's Node and nft, which the local mesh in containers needs")
    .addHelpText("after", EXAMPLES)
    .action(async ({ node }: { node?: true }) => {
      const name = await makeImage({ onProgress: (line) => screen.print([line]) });
      screen.print([`made ${name}, in place of ${officialImage(imageVersion(process.env))}`]);
      if (node === undefined) return;
      const nodeImage = await makeNodeImage();
      const hasNft = await makeRedirectImage(REDIRECT_IMAGE);
      screen.print([
        `made ${nodeImage}, in place of ${NODE_IMAGE}`,
        hasNft
          ? `made ${REDIRECT_IMAGE}, in place of one that compose builds from Debian's packages`
          : `left out ${REDIRECT_IMAGE}: nft is not installed here (Debian's package nftables)`,
        "`meshwright up` finds them. For compose alone, name them:",
        `  export ENVOY_IMAGE=${name} NODE_IMAGE=${nodeImage}`,
        "  docker compose -f compose/docker-compose.yaml up",
      ]);
    });
}

const EXAMPLES = `
The image is named meshwright/envoy and its tag is the release. It holds Envoy,
its libraries, the certificate authorities of this machine, and a shell for
health checks. Tests that run Envoy in a container use it where the official
image is not on this machine and ENVOY_IMAGE is not set. With --node, a second
image, meshwright/node, holds the Node that runs this, and a third one,
meshwright/redirect, the nft of this machine. The command needs Linux, Docker,
and the package testcontainers.

Examples:
  meshwright image
  meshwright image --node             all, for the local mesh (npm run images)
  ENVOY_VERSION=1.40.0 meshwright image
${exitCodesHelp("the images are made", ["usage", "envoy-not-found"])}`;
