// `meshwright run`: one stock Envoy in front of services that already run.

import { type Command, Option } from "commander";
import { chainOf } from "../../compose/chains.js";
import { describeEvent } from "../../compose/events.js";
import { describeRoutes } from "../../compose/filter-paths.js";
import {
  type NativeFile,
  parseFilterFiles,
  parseGrpcServices,
  parseHttpServices,
  parseListener,
  parseRoute,
  parseUpstreams,
} from "../../compose/front/arguments.js";
import { unchosenUpstreams, unservedDestinations } from "../../compose/front/plan.js";
import {
  type RunningFront,
  readFrontConfiguration,
  type StartFrontOptions,
  startFront,
} from "../../compose/front/start.js";
import { ESCAPED_SLASHES, MAX_TRUSTED_HOPS } from "../../compose/listener-options.js";
import { upstreamUrl } from "../../compose/upstream-url.js";
import { toYaml } from "../../envoy/config/yaml.js";
import { exitCodesHelp } from "../failures.js";
import { listenForInterrupt } from "../interrupt.js";
import { listenForKeys } from "../keys.js";
import { columns, type Screen } from "../screen.js";
import { collect, parseCount, parseHost, parsePort, parseWhole } from "./options.js";

const MAX_RETRIES = 100;
const MAX_CONCURRENCY = 256;
/** Envoy's own names. */
const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "critical", "off"];

interface RunOptions {
  readonly listen?: string;
  readonly http10?: true;
  readonly trustedHops?: number;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes?: (typeof ESCAPED_SLASHES)[number];
  readonly idleTimeout?: string;
  readonly maxStreamDuration?: string;
  readonly httpService?: readonly string[];
  readonly upstream?: readonly string[];
  readonly filter?: readonly string[];
  readonly native?: readonly NativeFile[];
  readonly timeout?: string;
  readonly retryOn?: string;
  readonly retries?: number;
  readonly perTryTimeout?: string;
  readonly grpcService?: readonly string[];
  readonly concurrency?: number;
  readonly port: number;
  readonly adminPort?: number;
  readonly ca?: string;
  readonly hostRewrite?: string;
  readonly logLevel?: string;
  readonly printConfig?: true;
}

export function addRun(root: Command, screen: Screen): void {
  const chain = new ChainWords();
  root
    .command("run")
    .description("Put one stock Envoy with filters in front of services that already run.")
    .option(
      "--upstream <[name=]url>",
      "a service, http[s]://HOST:PORT, or h2c:// for HTTP/2 and gRPC without TLS; with a name it is a destination (repeatable)",
      collect,
    )
    .option(
      "--filter <name[@paths]=file>",
      "a filter and its configuration, in the order of the chain; NAME@/PREFIX=FILE for some paths (repeatable)",
      chain.filter,
    )
    .option(
      "--native <file>",
      "Envoy's own filters, with name and typed_config, at this place of the chain (repeatable)",
      chain.native,
    )
    .option("--timeout <duration>", "limit for a whole answer, retries included (default: 0s, no limit)")
    .option("--retry-on <list>", "what is retried: Envoy's conditions and statuses, as in 5xx,reset,429")
    .option(
      "--retries <number>",
      "how many attempts may follow the first (default: 1)",
      parseCount(MAX_RETRIES),
    )
    .option("--per-try-timeout <duration>", "limit for each attempt, as in 250ms")
    .option(
      "--grpc-service <name=url>",
      "a service that filters call by this name; it speaks HTTP/2 (repeatable)",
      collect,
    )
    .option(
      "--http-service <name=url>",
      "a service that filters call by this name over HTTP (repeatable)",
      collect,
    )
    .option("--concurrency <number>", "Envoy's worker threads (default: 1)", parseCount(MAX_CONCURRENCY))
    .option("--port <number>", "where Envoy takes requests; 0 takes a free port", parsePort, 10_000)
    .option("--listen <address>", "the IP address of that port; :: and 0.0.0.0 are all (default: 127.0.0.1)")
    .option("--http10", "serve HTTP/1.0 too, else 426")
    .option(
      "--trusted-hops <number>",
      "how many proxies before Envoy may add to x-forwarded-for (default: 0)",
      parseWhole(MAX_TRUSTED_HOPS),
    )
    .option("--no-merge-slashes", "leave //a as it is; without this it is /a for filters and upstreams")
    .addOption(
      new Option(
        "--escaped-slashes <action>",
        "a path with %2F or %5C: redirect to real slashes, forward with them, reject with 400, or keep (default: redirect)",
      ).choices(ESCAPED_SLASHES),
    )
    .option(
      "--idle-timeout <duration>",
      "how long a request, a stream or a WebSocket may be silent; 0s is no limit (default: 5m)",
    )
    .option(
      "--max-stream-duration <duration>",
      "how long a request and its answer, or a WebSocket, may last (default: no limit)",
    )
    .option("--admin-port <number>", "Envoy's admin interface; default: a free port", parsePort)
    .option("--ca <file>", "certificates in PEM by which https upstreams are checked; default: the system's")
    .option(
      "--host-rewrite <host>",
      "the host that upstreams get; default: an https upstream gets its own, others the client's",
      parseHost,
    )
    .addOption(
      new Option("--log-level <level>", "how much Envoy logs (default: warning)").choices(LOG_LEVELS),
    )
    .option("--print-config", "print Envoy's configuration as YAML and end")
    .addHelpText("after", EXAMPLES)
    .action(async (options: RunOptions) => {
      const grpcServices = parseGrpcServices(options.grpcService ?? []);
      const start: StartFrontOptions = {
        upstreams: parseUpstreams(options.upstream ?? []),
        filters: parseFilterFiles(options.filter ?? []),
        natives: options.native ?? [],
        grpcServices,
        httpServices: parseHttpServices(options.httpService ?? [], Object.keys(grpcServices)),
        route: parseRoute(options),
        listener: parseListener(options),
        ...(options.concurrency === undefined ? {} : { workers: options.concurrency }),
        port: options.port,
        ...(options.adminPort === undefined ? {} : { adminPort: options.adminPort }),
        ...(options.ca === undefined ? {} : { caFile: options.ca }),
        ...(options.hostRewrite === undefined ? {} : { hostRewrite: options.hostRewrite }),
        ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
      };
      // With --print-config, standard output must hold the configuration alone.
      if (options.printConfig) return screen.print([toYaml(await readFrontConfiguration(start)).trimEnd()]);
      await serve(start, screen);
    });
}

/** The order in which `--filter` and `--native` were given, which is that of the chain. */
class ChainWords {
  #filters = 0;

  readonly filter = (word: string, before: readonly string[] = []): readonly string[] => {
    this.#filters = before.length + 1;
    return collect(word, before);
  };

  readonly native = (file: string, before: readonly NativeFile[] = []): readonly NativeFile[] => [
    ...before,
    { file, before: this.#filters },
  ];
}

async function serve(start: StartFrontOptions, screen: Screen): Promise<void> {
  using interrupt = listenForInterrupt(screen);
  await using front = await startFront({
    ...start,
    signal: interrupt.signal,
    onEvent: (event) => screen.print(screen.folded(describeEvent(event))),
  });
  screen.print(welcome(front, start));
  {
    using _keys = listenForKeys(process.stdin, screen, front);
    await interrupt.happened;
  }
  await front[Symbol.asyncDispose]();
  screen.print(["Stopped."]);
}

function welcome(front: RunningFront, start: StartFrontOptions): string[] {
  const { path, version } = front.binary;
  const { fallback, named } = start.upstreams;
  const unserved = unservedDestinations(front.options);
  const unchosen = unchosenUpstreams(front.options);
  const parts: readonly (readonly [what: string, which: string])[] = [
    ["upstream", upstreamUrl(fallback)],
    ...Object.entries(named).map(([name, upstream]) => [`upstream ${name}`, upstreamUrl(upstream)] as const),
    ...Object.entries(start.grpcServices ?? {}).map(
      ([name, service]) => [`gRPC service ${name}`, upstreamUrl(service)] as const,
    ),
    ...Object.entries(start.httpServices ?? {}).map(
      ([name, service]) => [`HTTP service ${name}`, upstreamUrl(service)] as const,
    ),
    ...(front.options.natives ?? []).map(({ filter }) => ["filter", `${filter.name}, Envoy's own`] as const),
    ...front.options.filters.map((use, i) => {
      const when = chainOf(use) === "upstream" ? ", for each attempt" : "";
      const where = `${describeRoutes(use.paths)}${when}`;
      return ["filter", `${use.filter} from ${start.filters[i]?.file}${where}`] as const;
    }),
  ];
  const counts = `curl '${front.adminUrl}/stats?filter=wasmcustom'`;
  return [
    `Envoy ${version} listens on ${front.url}, admin on ${front.adminUrl}`,
    ...columns(parts).map((line) => `  ${line}`),
    ...(unserved.length === 0
      ? []
      : [
          `  note: no --upstream NAME=URL for ${unserved.join(", ")}; their requests go to the upstream without a name`,
        ]),
    ...(unchosen.length === 0
      ? []
      : [
          `  note: no filter chooses a destination, so clients do not reach ${unchosen.join(", ")}; a service that filters call is a --http-service`,
        ]),
    ...columns([
      ["Try:", `curl -i ${front.url}/`],
      ...(front.options.filters.length === 0 ? [] : [["Counts:", counts] as const]),
      ["Logs:", front.directory],
      ["Envoy:", path],
    ]),
    "An edit of a filter's file is applied at once. Edited sources are built and",
    "applied without losing a request. Ctrl-C ends Envoy.",
  ];
}

const EXAMPLES = `
Envoy takes HTTP/1.1 and HTTP/2 (h2c) on its port. WebSockets pass in both; any
other upgrade is ignored. An h2c upstream gets HTTP/2, an https upstream HTTP/2
where it offers it by ALPN, and trailers pass everywhere.

Requests for which header-routing chooses the destination NAME go to the
upstream of that name. All others go to the upstream without a name, or to the
first where every upstream has one. An https upstream must show a certificate
for the host in its URL that the system, $SSL_CERT_FILE or --ca trusts. The
check cannot be turned off, but --ca may name a self-signed certificate of the
server.

A filter whose settings say "where: upstream", which is retry-budget's default,
stands in the upstreams' chains and sees each attempt of --retry-on. A filter of
your own does so with --filter NAME@upstream=FILE. Envoy's limit of three
retries at once is lifted: without a retry-budget, only --retries bounds them.

--filter NAME@/a,/b=FILE runs the filter for paths that begin with /a or /b
alone, and "-" before a prefix excepts it: @/,-/healthz is all but /healthz. The
longest prefix decides. Other requests do not enter the filter and do not pay
for it. The same filter may be there again with other settings for other paths.

A saved file of a filter's settings is applied while Envoy runs. Saved sources
are compiled without optimizing and put in place, and some seconds later the
module that "build" makes replaces them. Requests under way end on the old
module. After schema.ts or descriptor.ts is saved, the file of settings is
checked again. Mistakes are shown, and the last good version stays.

A bundle that "build" has made is run by its name, with one file for all its
filters: --filter edge=edge.yaml. Its sources are built when the command starts.
What filters write into Envoy's log is shown, up to 20 lines in a second. Where
a filter traps, the line of its source is shown.

An Envoy that ends is started again, after 1 s at first and up to 30 s where it
keeps ending. On a terminal, the key r starts it again at once.

Examples:
  meshwright run --upstream http://127.0.0.1:8080 --filter my-filter=mine.yaml
  meshwright run --upstream http://127.0.0.1:8080 \\
    --filter header-routing=routes.yaml
  meshwright run --upstream http://127.0.0.1:8080 \\
    --upstream v2=http://127.0.0.1:8082 \\
    --filter trace-headers=trace.yaml --filter header-routing=routes.yaml
  meshwright run --upstream http://127.0.0.1:8080 --timeout 2s \\
    --retry-on 5xx,connect-failure --retries 3 --per-try-timeout 500ms \\
    --filter retry-budget=budget.yaml
  meshwright run --upstream http://127.0.0.1:8080 --concurrency 2 \\
    --grpc-service ratelimit=http://127.0.0.1:8081 \\
    --filter rate-limit=limits.yaml
  meshwright run --upstream http://127.0.0.1:8080 \\
    --filter rate-limit@/login=login.yaml --filter rate-limit@/api=api.yaml
  meshwright run --upstream h2c://127.0.0.1:50051 --native cors.yaml \\
    --filter rate-limit=limits.yaml
  meshwright run --upstream http://127.0.0.1:8080 --listen :: --port 80 \\
    --http-service keys=http://127.0.0.1:8082 --filter my-filter=mine.yaml
  meshwright run --upstream http://127.0.0.1:8080 --print-config > envoy.yaml
${exitCodesHelp("Envoy ran until Ctrl-C, or the configuration was printed", [
  "configuration",
  "usage",
  "build",
  "envoy-not-found",
  "envoy-failed",
  "port-taken",
  "already-running",
  "write-failed",
  "interrupted",
])}`;
