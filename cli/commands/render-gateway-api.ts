// `meshwright render gateway-api`: the resources by which Envoy Gateway runs filters.

import type { Command } from "commander";
import { type GatewayWords, parseGatewayWords } from "../../render/gateway-api/options.js";
import { parseImages } from "../../render/images.js";
import { exitCodesHelp } from "../failures.js";
import { collect } from "./options.js";
import { type OutputOptions, type Screens, showRendered, withOutputOptions } from "./rendered.js";

interface RenderGatewayOptions extends OutputOptions, GatewayWords {}

export function addRenderGatewayApi(render: Command, screens: Screens): void {
  const command = render
    .command("gateway-api")
    .description(
      "Write Gateway API's resources, and Envoy Gateway's, for a mesh file's gateway or for filters.",
    )
    .argument("<file...>", "a mesh file; or FILE or FILTER=FILE of each filter, in the order of the chain")
    .option("--namespace <name>", "the namespace of all of them (default: default)");
  withOutputOptions(command)
    .option("--gateway <name>", "an existing Gateway; default for a mesh file: one is written")
    .option(
      "--route <name[/rule]>",
      "filters' files: an existing HTTPRoute, or a rule of it (repeatable)",
      collect,
    )
    .option("--gateway-class <name>", "the GatewayClass of Envoy Gateway (default: eg)")
    .option("--gateway-port <port>", "the gateway's port (default: 80)")
    .option("--host <host>", "a host that the gateway serves (default: all; repeatable)", collect)
    .option("--port <port>", "the port of Services, and of their pods (default: 8080)")
    .option("--fail-open", "let requests pass where a module cannot be fetched, or has trapped")
    .option("--leave-out", "render the rest where there is no word for something that changes requests")
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], options: RenderGatewayOptions) => {
      const gateway = parseGatewayWords(options);
      const images = parseImages(options.image ?? [], options.registry);
      // The schemas and the compiler take longer to load than most commands run.
      const { renderGatewayFiles } = await import("../../render/gateway-api/render.js");
      const rendered = await renderGatewayFiles(files, {
        images,
        gateway,
        onProgress: (line) => screens.err.print([line]),
      });
      await showRendered(rendered, options, screens);
    });
}

const EXAMPLES = `
A mesh file gives a Gateway, an HTTPRoute for each service behind it with a
rule for each version that a filter can choose, a Service for each version, or
a Backend where it has a URL, and the EnvoyExtensionPolicy with the filters of
the gateway. Sidecars are not Gateway API's: filters there are told and left
out. Filters' files give the policy alone.

Images are named by their digests: those that pack wrote to build/, which it
does first where there is none, or those of --image. Each configuration is
tried on its module, because Envoy Gateway answers every request with 503
where a module refuses its settings, and does not keep the last good ones. A
filter that sees each attempt has no place there, and is refused.

Examples:
  meshwright render gateway-api compose/mesh.yaml --registry registry.example/mesh
  meshwright render gateway-api limits.yaml routes.yaml --gateway eg
  meshwright render gateway-api rate-limit=limits.yaml --route orders --fail-open
  kubectl get -o yaml gateway,httproute,envoyextensionpolicy,svc \\
    | meshwright render gateway-api compose/mesh.yaml --diff -
${exitCodesHelp("the resources are written, or the same", [
  "configuration",
  "usage",
  "build",
  "write-failed",
  "different",
])}`;
