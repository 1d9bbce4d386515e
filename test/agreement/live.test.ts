// What the one Envoy of many scenarios cannot show: HTTP/1.1 on either side, filters that take
// another configuration between requests, and two workers. The host and the harness get the same
// options.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../../envoy/config/json.js";
import { send } from "../../kit/envoy/client.js";
import { startEnvoy } from "../../kit/envoy/envoy.js";
import { startUpstream } from "../../kit/envoy/upstream.js";
import { hostProxy } from "../../kit/host/proxy.js";
import type { ClientRequest, ClientResponse, UpstreamRequest, UpstreamResponse } from "../../kit/traffic.js";
import { compileProbe } from "../support/compile-probe.js";
import { envoyLines, mainThread } from "./envoy-lines.js";
import { normalHeaders, normalLine } from "./normal.js";
import { type Plan, probe } from "./scenario.js";

type Protocol = "http1" | "http2";
type Step = ClientRequest | { readonly configure: Plan };

interface Proxy {
  /** The client's protocol, then the upstream's. */
  readonly protocols: readonly [Protocol, Protocol];
  readonly workers: number;
  /** The plan of the first filter. A filter that does nothing follows it. */
  readonly plan: Plan;
  readonly answer?: UpstreamResponse;
  readonly steps: readonly Step[];
}

const FIRST = "first";
const HOST = ["host", "shop.test"] as const;
const MARKER = "» ";
/**
 * Does not look at all pairs of a request, since each HTTP/2 client has its own order of
 * pseudo-headers.
 */
const LOOKS: Plan = {
  qh: "size 0; get 0 :authority; get 0 content-length; get 0 cookie; get 0 accept; get 0 x-in; prop request.headers.cookie; prop request.headers.x-in",
  qb: "bodysize 0",
  sh: "pairs 2; prop request.protocol",
};
const COLLECTS: Plan = {
  qh: "del 0 content-length",
  qb: "ret 1",
  qb$: "body 0 0 99; write 0 0 999 another",
  sb: "ret 1",
  sb$: "body 1 0 99",
};
const REQUESTS: readonly Step[] = [
  {},
  { method: "HEAD" },
  { method: "DELETE", path: "/a/../b?c=d" },
  { body: "whole" },
  { method: "PUT", body: "whole", headers: [["content-type", "text/x"]] },
  {
    headers: [
      ["x-in", "1"],
      ["X-In", "2"],
      ["connection", "keep-alive"],
    ],
  },
  {
    headers: [
      ["cookie", "x=1"],
      ["accept", "text/a"],
      ["Cookie", 'session="s1"; y=2'],
      ["accept", "text/b"],
      ["x-in", ""],
      ["x-in", "1"],
      ["cookie", "z=3"],
    ],
  },
];

const PAIRS: readonly (readonly [Protocol, Protocol])[] = [
  ["http1", "http1"],
  ["http1", "http2"],
  ["http2", "http1"],
];
const ANSWERS: Readonly<Record<string, UpstreamResponse>> = {
  "an empty answer": {},
  "a body": { status: 201, headers: [["x-out", "1"]], body: "answer" },
  "no content": { status: 204 },
};

/**
 * Node's HTTP/2 client and server send the end of an empty body separately from its headers. The
 * host sends both together.
 */
function requestsOver(protocol: Protocol): readonly Step[] {
  return protocol === "http2" ? REQUESTS : [...REQUESTS, { body: "" }];
}

function answersOver(protocol: Protocol): Readonly<Record<string, UpstreamResponse>> {
  const { "an empty answer": _, ...others } = ANSWERS;
  return protocol === "http2" ? others : ANSWERS;
}

const PROXIES: Readonly<Record<string, Proxy>> = {
  ...Object.fromEntries(
    PAIRS.flatMap((protocols) =>
      Object.entries(answersOver(protocols[1])).flatMap(([name, answer]) =>
        Object.entries({ looks: LOOKS, "collects bodies": COLLECTS }).map(([does, plan]) => [
          `${protocols.join(" to ")}, ${name}, a filter that ${does}`,
          { protocols, workers: 1, plan, answer, steps: requestsOver(protocols[0]) },
        ]),
      ),
    ),
  ),
  "another configuration between requests": {
    protocols: ["http1", "http1"],
    workers: 1,
    plan: { qh: "add 0 x-plan 1", sh: "add 2 x-plan 1" },
    steps: [
      {},
      { configure: { qh: "add 0 x-plan 2; met 0 taken; inc $0 1" } },
      {},
      { configure: { conf: "log 4 no; ret 0", qh: "add 0 x-plan 3" } },
      {},
      { configure: { qh: "reply 403 no no ~; ret 1" } },
      {},
    ],
  },
  "two workers share data, and count together": {
    protocols: ["http1", "http1"],
    workers: 2,
    plan: { qh: "sget key; sset key ~ 0; sset key later cas; sget key; met 0 count; inc $0 1; mget $0" },
    steps: [{}, {}, {}, {}, {}, {}],
  },
};

interface Seen {
  readonly clients: readonly object[];
  readonly upstream: readonly object[];
  readonly taken: readonly boolean[];
  readonly lines: readonly string[];
}

let folder: string;
let module: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-live-"));
  module = path.join(folder, "plan.wasm");
  await compileProbe("test/probes/agreement/index.ts", module);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function options({ plan, workers }: Proxy) {
  const filters = [probe(FIRST, plan), probe("second")].map((filter) => ({
    ...filter,
    configuration: configurationOf(filter.configuration),
    module,
    vmId: "live",
  }));
  return { filters, workers };
}

function configurationOf(configuration: Json | undefined): string {
  return `${configuration}`.replaceAll("{id}", "");
}

/** The harness's client sends every request on a connection of its own, and says so in a header. */
function requestOf(step: ClientRequest, protocol: Protocol): ClientRequest {
  const { headers = [] } = step;
  if (protocol === "http2") {
    return { ...step, headers: [HOST, ...headers.filter(([name]) => name !== "connection")] };
  }
  const says = headers.some(([name]) => name === "connection");
  return { ...step, headers: [HOST, ...(says ? [] : [["connection", "close"] as const]), ...headers] };
}

function shownClient({ status, headers, body, trailers, end }: ClientResponse): object {
  return { status, headers: normalHeaders(headers), body, trailers, end };
}

function shownUpstream({ method, path, headers, body, trailers }: UpstreamRequest): object {
  return { method, path, headers: normalHeaders(headers), body, trailers };
}

/** With two workers each starts every plugin, and the order depends on time. */
function shownLines(lines: readonly string[], { workers }: Proxy): readonly string[] {
  const shown = workers === 1 ? lines : lines.filter((line) => !/^\S+ (conf|end|gone)/.test(line));
  return shown.map(normalLine);
}

async function inEnvoy(proxy: Proxy): Promise<Seen> {
  const [protocol, upstreamProtocol] = proxy.protocols;
  await using upstream = await startUpstream({
    protocol: upstreamProtocol,
    respond: () => proxy.answer ?? {},
  });
  await using envoy = await startEnvoy({ ...options(proxy), upstreams: { upstream } });
  const clients: object[] = [];
  const taken: boolean[] = [];
  for (const step of proxy.steps) {
    if ("configure" in step) {
      const { configuration } = probe(FIRST, step.configure);
      taken.push((await envoy.configure(FIRST, configurationOf(configuration))).accepted);
    } else clients.push(shownClient(await send(envoy.url, { protocol, ...requestOf(step, protocol) })));
  }
  await envoy.accessLog(clients.length);
  const lines = envoyLines(envoy.logs());
  const main = mainThread(lines);
  const own = lines.filter(({ thread, text }) => thread !== main && text !== "");
  return {
    clients,
    upstream: upstream.requests.map(shownUpstream),
    taken,
    lines: shownLines(
      own.map(({ plugin, text }) => `${plugin} ${text}`),
      proxy,
    ),
  };
}

function inProcess(proxy: Proxy): Seen {
  const [protocol, upstreamProtocol] = proxy.protocols;
  const hosted = hostProxy({
    ...options(proxy),
    upstreams: { upstream: { protocol: upstreamProtocol, respond: () => proxy.answer ?? {} } },
  });
  const clients: object[] = [];
  const taken: boolean[] = [];
  for (const step of proxy.steps) {
    if ("configure" in step) {
      const { configuration } = probe(FIRST, step.configure);
      taken.push(hosted.configure(FIRST, configurationOf(configuration)).accepted);
    } else {
      const { response } = hosted.request({ protocol, ...requestOf(step, protocol) });
      if (response !== undefined) clients.push(shownClient(response));
    }
  }
  const own = hosted.logs.filter(({ worker = 0, text }) => worker >= 0 && text.startsWith(MARKER));
  return {
    clients,
    upstream: hosted.upstreamSaw().map(shownUpstream),
    taken,
    lines: shownLines(
      own.map(({ text }) => text.slice(MARKER.length)),
      proxy,
    ),
  };
}

describe("in process as in stock Envoy, with the same options", () => {
  test.each(Object.entries(PROXIES))("%s", async (_, proxy) => {
    const expected = await inEnvoy(proxy);
    expect(expected.lines.length).toBeGreaterThan(proxy.steps.length);
    expect(inProcess(proxy)).toEqual(expected);
  });
});
