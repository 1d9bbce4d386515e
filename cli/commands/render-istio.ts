// `meshwright render istio`: the resources by which Istio runs filters and a mesh file's routes.

import { type Command, Option } from "commander";
import { parseGrpcServices, parseHttpServices } from "../../compose/front/arguments.js";
import { type UpstreamAddress, upstreamUrl } from "../../compose/upstream-url.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { parseImages } from "../../render/images.js";
import type { RenderedIstio } from "../../render/istio/files.js";
import { EXTRAS, OMITTABLE } from "../../render/istio/options.js";
import { FAIL_STRATEGIES } from "../../render/istio/version.js";
import { type IstioWords, parseIstioWords } from "../../render/istio/words.js";
import { exitCodesHelp } from "../failures.js";
import { collect } from "./options.js";
import { type OutputOptions, type Screens, showRendered, withOutputOptions } from "./rendered.js";

/** The options that say how a cluster is. */
export interface RenderIstioOptions extends OutputOptions, IstioWords {
  readonly grpcService?: readonly string[];
  readonly httpService?: readonly string[];
  readonly cluster?: string;
}

export function addRenderIstio(render: Command, screens: Screens): void {
  const command = render
    .command("istio")
    .description("Write Istio's resources for a mesh file, or for filters' files.");
  withIstioOptions(withOutputOptions(withIstioFiles(command)))
    .addHelpText("after", EXAMPLES)
    .action(async (files: string[], options: RenderIstioOptions) => {
      await showRendered(await renderedIstio(files, options, screens), options, screens);
    });
}

/** The arguments of whatever writes Istio's resources. */
export function withIstioFiles(command: Command): Command {
  return command
    .argument(
      "<file...>",
      "a mesh file; or FILE or FILTER[@/PREFIX]=FILE of each filter, in the order of the chain",
    )
    .option("--istio <version>", "the release of Istio, 1.24 or later; default: right for all of them")
    .option("--namespace <name>", "the namespace of the services (default: default)");
}

/** Its further options. */
export function withIstioOptions(command: Command): Command {
  return withCluster(withFilters(command));
}

/** What these files are in Istio. */
export async function renderedIstio(
  files: readonly string[],
  options: RenderIstioOptions,
  screens: Screens,
): Promise<RenderedIstio> {
  const { grpcService = [], httpService = [], ...words } = options;
  const grpc = parseGrpcServices(grpcService);
  const istio = parseIstioWords(words, {
    grpcServices: urls(grpc),
    httpServices: urls(parseHttpServices(httpService, Object.keys(grpc))),
  });
  if (words.cluster === "-" && words.diff === "-") {
    throw new MeshwrightError("usage", "--cluster - and --diff - both read standard input: use a file");
  }
  const images = parseImages(words.image ?? [], words.registry);
  // The schemas and the compiler take longer to load than most commands run.
  const { renderIstioFiles } = await import("../../render/istio/files.js");
  return renderIstioFiles(files, {
    images,
    istio,
    cluster: words.cluster,
    onProgress: (line) => screens.err.print([line]),
  });
}

function urls(services: Readonly<Record<string, UpstreamAddress>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(services).map(([name, address]) => [name, upstreamUrl(address)]));
}

function withFilters(command: Command): Command {
  return command
    .option("--for <service>", "filters' files: the service; wherever it is called")
    .addOption(
      new Option("--at <place>", "filters' files: before the app, or wherever it is called").choices([
        "inbound",
        "outbound",
      ]),
    )
    .option("--caller <service>", "filters' files: only where this service calls (repeatable)", collect)
    .option("--default <version>", "filters' files: the version for which no filter needs to decide")
    .addOption(
      new Option("--protocol <protocol>", "filters' files: what the service speaks (default: http1)").choices(
        ["http1", "http2", "grpc"],
      ),
    )
    .option("--grpc-service <name=url>", "filters' files: a service that filters call (repeatable)", collect)
    .option("--http-service <name=url>", "filters' files: one that they call over HTTP (repeatable)", collect)
    .addOption(
      new Option("--phase <phase>", "after tokens are checked, or before (default: AUTHZ)").choices([
        "AUTHZ",
        "AUTHN",
      ]),
    )
    .addOption(
      new Option("--fail-strategy <strategy>", "what happens when a module fails or is not there").choices(
        FAIL_STRATEGIES,
      ),
    );
}

function withCluster(command: Command): Command {
  return command
    .option(
      "--port <[service=]port[:target]>",
      "a Service's port, and that of its pods (default: 8080; repeatable)",
      collect,
    )
    .option("--gateway <name>", "the label istio of the gateway's pods (default: ingressgateway)")
    .option("--gateway-namespace <name>", "the namespace of these pods (default: that of the services)")
    .option("--gateway-account <name>", "the service account of these pods")
    .option(
      "--gateway-port <port[:target]>",
      "the gateway's port, and that of its pods (default: 80, and 80 or 8080)",
    )
    .option("--use-gateway <name>", "an existing Gateway for the routes; default: one is written")
    .option("--host <host>", "a host that the gateway serves (default: *; repeatable)", collect)
    .option("--app-label <label>", "the label of pods that names the service (default: app)")
    .option("--version-label <label>", "the label of pods that names the version (default: version)")
    .option("--cluster-domain <domain>", "the domain of Services (default: cluster.local)")
    .option(
      "--cluster <place>",
      "Services, DestinationRules and VirtualServices that exist, as kubectl get -o yaml prints them",
    )
    .addOption(new Option("--with <kind...>", "write these too").choices(EXTRAS))
    .addOption(new Option("--without <kind...>", "do not write these").choices(OMITTABLE))
    .option("--leave-out", "render the rest where Istio has no word for something that changes requests");
}

const EXAMPLES = `
A mesh file gives a Gateway, VirtualServices, DestinationRules, ServiceEntries
and Sidecars; a WasmPlugin, or from Istio 1.30 on a TrafficExtension, for each
filter of a listener; an EnvoyFilter for filters that see each attempt; and a
ConfigMap with the labels of metrics. Filters' files give the part about
filters. Your Deployments and Services are not written. Where a filter is for
some routes, an EnvoyFilter has the filters of its workload, and enables it on
the VirtualService's routes; those of --gateway are yours, and in --cluster.

Images are named by their digests: those that pack wrote to build/, which it
does first where there is none, or those of --image. Each configuration is
tried on its module, because a proxy with a configuration that its module
refuses answers every request with 500. What Istio has no word for is told on
standard error, and refused where requests would be treated differently.

Examples:
  meshwright render istio compose/mesh.yaml
  meshwright render istio compose/mesh.yaml --istio 1.31 --namespace shop \\
    --registry registry.example/mesh --output istio
  meshwright render istio header-routing.yaml --for orders --default v1
  meshwright render istio rate-limit@/login,-/login/help=limits.yaml --for web
  meshwright render istio rate-limit=limits.yaml --gateway ingressgateway \\
    --gateway-namespace istio-ingress
  kubectl get -A -o yaml vs,dr,gw,se,sidecar,wasmplugin,envoyfilter,cm \\
    | meshwright render istio compose/mesh.yaml --diff -
${exitCodesHelp("the resources are written, or the same", ["configuration", "usage", "build", "different"], {
  11: "a folder or an image cannot be written",
})}`;
