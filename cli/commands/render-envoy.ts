// `meshwright render envoy`: what an Envoy of one's own reads.

import type { Command } from "commander";
import { parseGrpcServices, parseHttpServices, parseUpstreams } from "../../compose/front/arguments.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { EnvoyWords } from "../../render/envoy/words.js";
import type { RenderedEnvoy } from "../../render/files/envoy.js";
import { DIFFERENT_EXIT_CODE, exitCodesHelp, ToldFailure } from "../failures.js";
import { collect, parsePort } from "./options.js";
import type { Screens } from "./rendered.js";

interface RenderEnvoyOptions extends EnvoyWords {
  readonly upstream?: readonly string[];
  readonly grpcService?: readonly string[];
  readonly httpService?: readonly string[];
  readonly port: number;
  readonly adminPort: number;
  readonly firstPort: number;
  readonly output?: string;
  readonly diff?: string;
}

export function addRenderEnvoy(render: Command, screens: Screens): void {
  render
    .command("envoy")
    .description("Write Envoy's configuration, or put filters into an envoy.yaml of your own.")
    .argument(
      "<file...>",
      "a mesh file; or FILE or FILTER[@/PREFIX]=FILE of each filter, in the order of the chain",
    )
    .option("--patch <file>", "show as a diff where the filters go in this configuration of Envoy")
    .option("--listener <name>", "--patch: the listener; needed where several serve HTTP")
    .option(
      "--cluster <name>",
      "--patch: whose attempts filters see; default: those of the routes (repeatable)",
      collect,
    )
    .option(
      "--destination <name=cluster>",
      "--patch: where requests go for which a filter chooses NAME; FROM/NAME=CLUSTER for those to FROM (repeatable)",
      collect,
    )
    .option(
      "--upstream <[name=]url>",
      "filters' files: a service behind the Envoy, as for run (repeatable)",
      collect,
    )
    .option("--grpc-service <name=url>", "filters' files: a service that filters call (repeatable)", collect)
    .option("--http-service <name=url>", "filters' files: one that they call over HTTP (repeatable)", collect)
    .option("--port <number>", "filters' files: where Envoy takes requests", parsePort, 10_000)
    .option("--admin-port <number>", "filters' files: Envoy's admin interface", parsePort, 9901)
    .option("--first-port <number>", "a mesh file: the ports of all else begin here", parsePort, 15_000)
    .option("--modules <folder>", "where Envoy finds the modules; default: where they are built")
    .option(
      "--files <folder>",
      "where Envoy finds a file for each filter, which it reads again when it changes",
    )
    .option("--lean", "name modules without the callbacks that these settings do not need")
    .option("--output <folder>", "write the files, and not standard output")
    .option("--diff <place>", "compare with a file, or with the files of a folder")
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], options: RenderEnvoyOptions) => {
      const { output, diff, upstream, grpcService = [], httpService = [], ...words } = options;
      if (output !== undefined && diff !== undefined) {
        throw new MeshwrightError("usage", "--output writes and --diff compares: give one of them");
      }
      const grpcServices = parseGrpcServices(grpcService);
      const httpServices = parseHttpServices(httpService, Object.keys(grpcServices));
      // The schemas and the compiler take longer to load than most commands run.
      const { renderEnvoyFiles } = await import("../../render/files/envoy.js");
      const rendered = await renderEnvoyFiles(files, {
        words,
        upstreams: upstream === undefined ? undefined : parseUpstreams(upstream),
        grpcServices,
        httpServices,
        port: options.port,
        adminPort: options.adminPort,
        firstPort: options.firstPort,
        onProgress: (line) => screens.err.print([line]),
      });
      await show(rendered, { output, diff }, screens);
    });
}

async function show(
  { files, patch, warnings }: RenderedEnvoy,
  { output, diff }: { readonly output: string | undefined; readonly diff: string | undefined },
  { out, err }: Screens,
): Promise<void> {
  err.print(warnings.map((line) => `warning: ${line}`));
  if (diff !== undefined) {
    const { compareEnvoyFiles } = await import("../../render/files/envoy-output.js");
    const difference = await compareEnvoyFiles(diff, files);
    if (difference === "") return;
    out.print([difference.trimEnd()]);
    throw new ToldFailure(DIFFERENT_EXIT_CODE);
  }
  if (output !== undefined) {
    const { writeEnvoyFiles } = await import("../../render/files/envoy-output.js");
    const written = await writeEnvoyFiles(output, files);
    return out.print(written.map((name) => `${output}/${name}`));
  }
  if (patch === "") return err.print(["Nothing to change: the filters are there."]);
  if (patch !== undefined) return out.print([patch.trimEnd()]);
  const [only, ...others] = files;
  if (only !== undefined && others.length === 0) return out.print([only.text.trimEnd()]);
  out.print(files.flatMap(({ name, text }) => [`--- # ${name}`, text.trimEnd()]));
}

const EXAMPLES = `
With --patch, the diff goes to standard output, for patch -p0 or for reading:
filters of the listener's chain directly before the router, so that jwt_authn,
ext_authz, cors and lua have run; filters that see each attempt in the chain of
the clusters; and what they need of routes, virtual hosts and statistics.
Everything else of the file stays as it is, comments too. A filter that is
there already is brought up to date, and a second run changes nothing.

Without --patch, filters' files and --upstream give a whole configuration, and a
mesh file one for each of its Envoys, all on this machine.

Settings are in the configuration itself; a change needs another start. With
--files, each filter's settings are in a file of its own. Write it with
--output, or rename a new file to its place, and Envoy takes the change at once.

Each configuration is tried on its module first, because an Envoy with one that
its module refuses answers every request with 500.

With --lean the modules, in build/, have names of their own. Such a module
refuses settings that need a callback which it lacks: after an edit, render
again.

Examples:
  meshwright render envoy rate-limit@/login=limits.yaml --patch envoy.yaml
  meshwright render envoy rate-limit.yaml --patch envoy.yaml | patch -p0
  meshwright render envoy header-routing.yaml --patch envoy.yaml \\
    --listener public --destination orders/v2=orders-v2
  meshwright render envoy trace-headers.yaml \\
    --upstream http://127.0.0.1:8080 > envoy.yaml
  meshwright render envoy rate-limit.yaml --upstream http://127.0.0.1:8080 \\
    --files /etc/envoy/filters --modules /etc/envoy/modules --output envoy
  meshwright render envoy compose/mesh.yaml --output envoys
${exitCodesHelp("it is written, or the same", ["configuration", "usage", "build", "write-failed", "different"])}`;
