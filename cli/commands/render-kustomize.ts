// `meshwright render kustomize`: Istio's resources as bases and an overlay of Kustomize.

import type { Command } from "commander";
import { exitCodesHelp } from "../failures.js";
import { type RenderIstioOptions, renderedIstio, withIstioFiles, withIstioOptions } from "./render-istio.js";
import { type Screens, withImageOptions } from "./rendered.js";

interface RenderKustomizeOptions extends Omit<RenderIstioOptions, "output" | "diff"> {
  readonly output: string;
}

export function addRenderKustomize(render: Command, screens: Screens): void {
  const command = render
    .command("kustomize")
    .description(
      "Write what render istio writes as folders of Kustomize: a base for each filter, an overlay.",
    );
  withIstioOptions(withImageOptions(withIstioFiles(command)))
    .requiredOption("--output <folder>", "the folder, which is replaced as a whole")
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], options: RenderKustomizeOptions) => {
      const { resources, images, warnings } = await renderedIstio(files, options, screens);
      const [{ kustomizeFiles }, { writeFiles }] = await Promise.all([
        import("../../render/kustomize/folder.js"),
        import("../../render/files/output.js"),
      ]);
      const names = await writeFiles(options.output, kustomizeFiles(resources, images));
      screens.err.print(warnings.map((line) => `warning: ${line}`));
      screens.out.print(names.map((name) => `${options.output}/${name}`));
    });
}

const EXAMPLES = `
bases/FILTER has the resources of one filter, and bases/routes what belongs to
no single filter. overlays/example puts them together, and shows how another
environment gives a filter other settings. Never edit a base: the next run
replaces the folder. The options are those of render istio.

Examples:
  meshwright render kustomize compose/mesh.yaml --output deploy
  meshwright render kustomize limits.yaml --for orders --output deploy
  kubectl kustomize deploy/overlays/example
${exitCodesHelp("the folder is written", ["configuration", "usage", "build"], {
  11: "a folder or an image cannot be written",
})}`;
