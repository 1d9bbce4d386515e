// `meshwright render`: has a subcommand for each kind of output.

import type { Command } from "commander";
import { addRenderEnvoy } from "./render-envoy.js";
import { addRenderIstio } from "./render-istio.js";
import type { Screens } from "./rendered.js";

export function addRender(root: Command, screens: Screens): void {
  const render = root
    .command("render")
    .description("Write the resources by which a cluster or an Envoy of your own runs filters.")
    .helpCommand(false);
  addRenderEnvoy(render, screens);
  addRenderIstio(render, screens);
}
