// `meshwright render`: has a subcommand for each kind of output.

import type { Command } from "commander";
import { exitCodesHelp } from "../failures.js";
import { addRenderEnvoy } from "./render-envoy.js";
import { addRenderGatewayApi } from "./render-gateway-api.js";
import { addRenderIstio } from "./render-istio.js";
import { addRenderKustomize } from "./render-kustomize.js";
import type { Screens } from "./rendered.js";

export function addRender(root: Command, screens: Screens): void {
  const render = root
    .command("render")
    .description("Write the resources by which a cluster or an Envoy of your own runs filters.")
    .helpCommand(false)
    .addHelpText("after", EXAMPLES);
  addRenderEnvoy(render, screens);
  addRenderIstio(render, screens);
  addRenderGatewayApi(render, screens);
  addRenderKustomize(render, screens);
}

const EXAMPLES = `
Nothing is sent to a cluster. Standard output has the resources alone, and
standard error what a person should know of them.

Examples:
  meshwright render istio compose/mesh.yaml
  meshwright render envoy compose/mesh.yaml --output envoys
  meshwright render gateway-api limits.yaml --gateway eg
  meshwright render istio --help
${exitCodesHelp("the resources are written, or the same", ["configuration", "usage"])}`;
