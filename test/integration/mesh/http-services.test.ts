// `httpServices` of a mesh file: a filter asks a service over HTTP at each of its requests.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { type AuthorPackage, authorPackage } from "../commands/author-package.js";
import { runMain } from "../commands/run-main.js";

const TEST_MS = 100_000;
const WAIT = { timeout: 30_000, interval: 50 };

/** Adds the status of the service's answer to the request, or `failed`. */
const BINDING = `
import {
  Bytes, CallFailure, encodePairs, FilterHeadersStatus, FilterRoot, HttpCallHandler, HttpContext,
  httpCall, httpCallStatus, registerRootContext, requestHeaders, Status,
} from "meshwright/assembly";
import { ConfigNode } from "meshwright/assembly/config";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_delete, proxy_on_request_headers } from "meshwright/assembly/exports/stream";
export { proxy_on_http_call_response } from "meshwright/assembly/exports/calls";

const HEADER = Bytes.of("x-asked");

class AskConfig {
  readonly service: Bytes;

  constructor(root: ConfigNode) {
    root.keys(["service"]);
    this.service = root.get("service").text(1, 64);
  }
}

class Ask extends HttpContext {
  constructor(private readonly service: Bytes) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const request = encodePairs([
      Bytes.of(":method"), Bytes.of("GET"), Bytes.of(":path"), Bytes.of("/ask"), Bytes.of(":authority"), this.service,
    ]);
    const status = httpCall(this.service, request, null, null, 5_000, new Answer(this));
    return status == Status.Ok ? FilterHeadersStatus.StopIteration : FilterHeadersStatus.Continue;
  }
}

class Answer extends HttpCallHandler {
  constructor(private readonly stream: Ask) {
    super();
  }

  override onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    requestHeaders.replace(HEADER, Bytes.of(httpCallStatus().toString()));
    this.stream.resumeRequest();
  }

  override onFailure(failure: CallFailure): void {
    requestHeaders.replace(HEADER, Bytes.of("failed"));
    this.stream.resumeRequest();
  }
}

class AskRoot extends FilterRoot<AskConfig, AskConfig> {
  override parse(root: ConfigNode): AskConfig {
    return new AskConfig(root);
  }

  override accept(config: AskConfig): AskConfig {
    return config;
  }

  override streamContext(config: AskConfig): HttpContext {
    return new Ask(config.service);
  }
}

registerRootContext((id: u32) => new AskRoot(id, "ask"));
`;

const DESCRIPTOR = `
import { z } from "zod";
import { defineFilter } from ${JSON.stringify(path.join(PACKAGE_ROOT, "filters/descriptor.js"))};

export default defineFilter({
  name: "ask",
  summary: "asks a service at each request",
  schema: z.strictObject({ service: z.string() }),
  httpServices: ({ service }) => [{ name: service, path: ["service"] }],
});
`;

describe("a service that a filter calls over HTTP", { timeout: TEST_MS }, () => {
  let author: AuthorPackage;
  let app: Upstream;
  let keys: Upstream;
  let other: Upstream;
  let running: RunningMesh;
  const told: string[] = [];

  const mesh = (service: string) => `name: asked
gateway:
  routes: [{ prefix: /, service: app }]
  filters: [{ filter: ask, config: { service: ${service} } }]
services:
  app: { versions: { v1: { url: "http://127.0.0.1:${app.port}" } } }
httpServices:
  keys: { url: "http://127.0.0.1:${keys.port}" }
  other: { url: "h2c://127.0.0.1:${other.port}" }
`;
  const write = (text: string) => writeFile(path.join(author.root, "mesh.yaml"), text);
  const asked = async () => {
    const before = app.requests.length;
    expect((await send(running.gatewayUrl)).status).toBe(200);
    return app.requests[before]?.headers.find(([name]) => name === "x-asked")?.[1];
  };

  beforeAll(async () => {
    author = await authorPackage();
    app = await startUpstream({ name: "app" });
    keys = await startUpstream({ name: "keys", respond: () => ({ status: 202 }) });
    other = await startUpstream({ name: "other", protocol: "http2", respond: () => ({ status: 203 }) });
    await author.write("filters/ask/index.ts", BINDING);
    await author.write("filters/ask/descriptor.ts", DESCRIPTOR);
    await write(mesh("keys"));
    expect(await runMain(["build", "ask"], author.root)).toMatchObject({ exitCode: 0, stderr: "" });
    process.chdir(author.root);
    const onEvent = (event: Parameters<typeof describeEvent>[0]) => told.push(...describeEvent(event));
    running = await startMesh({ file: "mesh.yaml", gatewayPort: 0, modules: "build", onEvent });
  }, TEST_MS);
  afterAll(async () => {
    await running?.stop();
    for (const each of [app, keys, other]) await each?.[Symbol.asyncDispose]();
    await author?.[Symbol.asyncDispose]();
  });

  it("is asked by its name", async () => {
    expect(await asked()).toBe("202");
    expect(keys.requests.map(({ method, path: at }) => `${method} ${at}`)).toEqual(["GET /ask"]);
  });

  it("is another one, over HTTP/2, once the settings name it", async () => {
    await write(mesh("other"));
    await expect.poll(() => told).toContainEqual(expect.stringMatching(/^applied/));
    expect(await asked()).toBe("203");
  });

  it("must be in the mesh file, else the edit is refused and the last settings stay", async () => {
    await write(mesh("others"));
    await vi.waitFor(
      () =>
        expect(told.join("\n")).toMatch(
          /refused: .*there is no HTTP service "others"; did you mean "other"\?/,
        ),
      WAIT,
    );
    expect(await asked()).toBe("203");
  });

  it("that does not answer is a failure to the filter, and no request is lost", async () => {
    await other[Symbol.asyncDispose]();
    expect(await asked()).toBe("failed");
  });
});
