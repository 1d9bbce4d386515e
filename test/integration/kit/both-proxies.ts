// One module with one configuration, in process and in stock Envoy, and what each of them does with
// a request.

import { expect } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { type HostedProxy, hostProxy } from "../../../kit/host/proxy.js";
import type {
  ClientRequest,
  ClientResponse,
  HeaderList,
  UpstreamRequest,
  UpstreamResponse,
} from "../../../kit/traffic.js";

export interface BothOptions {
  /** The filter's name, with which its log lines begin, as `NAME> `. */
  readonly name: string;
  readonly module: string;
  readonly configuration: string;
  readonly respond: (request: UpstreamRequest) => UpstreamResponse;
}

/** Headers whose values differ between any two requests. */
const VARYING = new Set(["date", "x-request-id", "x-envoy-upstream-service-time"]);

/** Without `connection`, which concerns only the client and its next hop. */
function plain(headers: HeaderList): string[] {
  return headers
    .filter(([name]) => name.toLowerCase() !== "connection")
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .map(([name, value]) => `${name}: ${VARYING.has(name) ? "…" : value}`)
    .toSorted();
}

/** What one proxy did with a request. */
function seen(response: ClientResponse, upstream: readonly UpstreamRequest[], lines: readonly string[]) {
  const { status, headers, body, trailers, end } = response;
  return {
    response: { status, headers: plain(headers), body, trailers, end },
    upstream: upstream.map((each) => ({
      method: each.method,
      path: each.path,
      headers: plain(each.headers),
      body: each.body,
    })),
    lines,
  };
}

export class BothProxies implements AsyncDisposable {
  private constructor(
    private readonly name: string,
    private readonly upstream: Upstream,
    readonly envoy: TestEnvoy,
    readonly proxy: HostedProxy,
  ) {}

  static async start({ respond, ...filter }: BothOptions): Promise<BothProxies> {
    const upstream = await startUpstream({ respond });
    const envoy = await startEnvoy({ filters: [filter], upstreams: { upstream }, workers: 1 });
    const proxy = hostProxy({ filters: [filter], upstreams: { upstream: respond }, workers: 1 });
    return new BothProxies(filter.name, upstream, envoy, proxy);
  }

  /** What the filter has logged, in order. */
  linesInProcess(): string[] {
    return this.lines(this.proxy.logs.map(({ text }) => text).join("\n"));
  }

  linesInEnvoy(): string[] {
    return this.lines(this.envoy.logs());
  }

  private lines(text: string): string[] {
    return [...text.matchAll(new RegExp(`${this.name}> (.*)$`, "gm"))].map(([, line = ""]) => line);
  }

  inProcess(request: ClientRequest): ReturnType<typeof seen> {
    const { proxy } = this;
    const [lines, requests] = [this.linesInProcess().length, proxy.upstreamSaw().length];
    const { response } = proxy.request(request);
    if (response === undefined) throw new Error("the request waits for something");
    return seen(response, proxy.upstreamSaw().slice(requests), this.linesInProcess().slice(lines));
  }

  /** @param until the last line that the filter must log about the request */
  async inEnvoy(request: ClientRequest, until: string): Promise<ReturnType<typeof seen>> {
    const { upstream } = this;
    const [from, requests] = [this.linesInEnvoy().length, upstream.requests.length];
    const lines = () => this.linesInEnvoy().slice(from);
    const response = await send(this.envoy.url, request);
    await expect.poll(() => lines().at(-1), { timeout: 5_000 }).toBe(until);
    return seen(response, upstream.requests.slice(requests), lines());
  }

  /** Both must do the same with it, and the filter must log something. */
  async agreeOn(request: ClientRequest): Promise<void> {
    const hosted = this.inProcess(request);
    expect(hosted.lines.length).toBeGreaterThan(0);
    expect(await this.inEnvoy(request, hosted.lines.at(-1) ?? "")).toEqual(hosted);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.envoy[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}
