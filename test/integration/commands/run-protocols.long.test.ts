// What `meshwright run` takes and passes on: WebSockets, HTTP/2, gRPC, trailers, and paths with
// slashes that rules must see as the upstream does.

import { once } from "node:events";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import http2 from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { describeEvent, type RunEvent } from "../../../compose/events.js";
import { parseHttpServices, parseListener, parseUpstreams } from "../../../compose/front/arguments.js";
import { type RunningFront, type StartFrontOptions, startFront } from "../../../compose/front/start.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { AdminClient } from "../../../envoy/runtime/admin.js";
import { makeAuthority } from "../../../kit/envoy/certificates.js";
import { send } from "../../../kit/envoy/client.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { isMissing, needs } from "../../support/tools.js";
import {
  connectHttp2,
  startUpgradeServer,
  takeWebSocket,
  type UpgradeServer,
  upgrade,
} from "../../support/upgrades.js";

const FILTERS = {
  "trace-headers": "write: [w3c]\n",
  "rate-limit": `
explainHeader: x-limit
rules:
  - name: login
    match: { path: { exact: /login } }
    local: { limit: 1, unit: hour }
`,
  "fault-injection": `
rules:
  - name: late
    match: { headers: [{ name: x-late, present: true }] }
    delay: { fixed: 20ms }
`,
  "header-routing": `
rules:
  - name: h2
    match: { headers: [{ name: x-to, exact: h2 }] }
    destination: h2
  - name: grpc
    match: { headers: [{ name: x-to, exact: grpc }] }
    destination: grpc
`,
  "retry-budget": "budgets: [{ name: all, ratio: { percentage: 20 } }]\n",
};

const WAIT = { timeout: 20_000, interval: 50 };

let folder: string;
let server: UpgradeServer;

async function start(options: Omit<StartFrontOptions, "port" | "filters" | "cwd">, filters: object = {}) {
  const files = Object.entries(filters).map(async ([filter, text]) => {
    const file = path.join(folder, `${filter}.yaml`);
    await writeFile(file, text as string);
    return { filter, file };
  });
  return startFront({ port: 0, cwd: folder, filters: await Promise.all(files), ...options });
}

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "run-protocols-")));
  server = await startUpgradeServer();
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe("with every filter", () => {
  let h2: Upstream;
  let grpc: Upstream;
  let front: RunningFront;

  beforeAll(async () => {
    h2 = await startUpstream({
      protocol: "http2",
      respond: ({ method, trailers }) => ({
        body: JSON.stringify({ method, trailers }),
        trailers: [["x-late", "2"]],
      }),
    });
    grpc = await startGrpcUpstream({
      "/shop.Stock/Count": async (call) => {
        for await (const message of call.messages) call.send(`got ${message}`);
        call.end(5, "no such item");
      },
    });
    const upstreams = [server.url, `h2=h2c://127.0.0.1:${h2.port}`, `grpc=h2c://127.0.0.1:${grpc.port}`];
    front = await start({ upstreams: parseUpstreams(upstreams) }, FILTERS);
  });
  afterAll(async () => {
    await front?.[Symbol.asyncDispose]();
    await h2?.[Symbol.asyncDispose]();
    await grpc?.[Symbol.asyncDispose]();
  });

  it.each([{}, { "x-late": "1" }])(
    "a WebSocket is opened and carries bytes both ways, %j",
    async (headers) => {
      const open = { status: 101, accepted: true, text: "HELLO AGAIN" };
      expect(await upgrade(`${front.url}/chat`, "websocket", headers)).toEqual(open);
      expect(await upgrade(`${front.url}/chat`, "foo, WebSocket", headers)).toEqual(open);
      expect(await connectHttp2(`${front.url}/chat`, headers)).toEqual({ status: 200, text: "HELLO" });
    },
  );

  it.each(["h2c", "foo", "TLS/1.0, HTTP/2.0", "websockets"])(
    "an upgrade to %s, which a server may ignore, is a request like any other",
    async (protocol) => {
      const { status, text } = await upgrade(`${front.url}/page`, protocol, { "http2-settings": "AAMAAABk" });
      const { method, url, headers } = JSON.parse(text);
      expect({ status, method, url }).toEqual({ status: 200, method: "GET", url: "/page" });
      expect(headers).not.toHaveProperty("upgrade");
    },
  );

  it.each(["http1", "http2"] as const)(
    "trailers pass both ways from %s to both protocols",
    async (protocol) => {
      for (const to of ["", "h2"]) {
        const response = await send(`${front.url}/`, {
          protocol,
          headers: [["x-to", to]],
          body: ["a", "b"],
          trailers: [["x-sum", "9"]],
        });
        expect(response).toMatchObject({ status: 200, trailers: [["x-late", to === "" ? "1" : "2"]] });
        const seen = JSON.parse(response.body).trailers;
        expect(to === "" ? seen : Object.fromEntries(seen)).toEqual({ "x-sum": "9" });
      }
    },
  );

  it("a gRPC stream begins before the caller has said everything, and ends with its status", async () => {
    const session = http2.connect(front.url);
    const stream = session.request({
      ":method": "POST",
      ":path": "/shop.Stock/Count",
      "content-type": "application/grpc",
      te: "trailers",
      "x-to": "grpc",
    });
    const trailers = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.on("trailers", resolve));
    const messages: string[] = [];
    const frame = (text: string) =>
      Buffer.concat([Buffer.from([0, 0, 0, 0, text.length]), Buffer.from(text)]);
    stream.write(frame("one"));
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      messages.push(chunk.subarray(5).toString());
      if (messages.length === 1) stream.write(frame("two"));
      else stream.end();
    }
    expect(messages).toEqual(["got one", "got two"]);
    expect(await trailers).toMatchObject({ "grpc-status": "5" });
    session.destroy();
  });

  it("a rule for a path holds for each way to write it", async () => {
    const ask = async (asked: string) => {
      const { status, header } = await send(front.url, { path: asked });
      return status === 307 ? header("location") : status;
    };
    expect(await ask("/login")).toBe(200);
    for (const same of ["/login", "//login", "///login?a", "/./login", "//x/../login"]) {
      expect.soft(await ask(same), same).toBe(429);
    }
    expect(await ask("/%2Flogin")).toBe("/login");
    expect(await ask("/x%5c..%2flogin?b")).toBe("/login?b");
  });
});

describe("Envoy's own filters", () => {
  const CORS = `
name: envoy.filters.http.cors
typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors }
per_route_config:
  "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy
  allow_origin_string_match: [{ exact: "https://shop.example" }]
`;
  const MUTATION = (value: string) => `
- name: envoy.filters.http.header_mutation
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
    mutations:
      request_mutations:
        - append: { header: { key: x-to, value: ${value} }, append_action: OVERWRITE_IF_EXISTS_OR_ADD }
`;
  const write = async (name: string, text: string) => {
    const file = path.join(folder, name);
    await writeFile(file, text);
    return file;
  };

  it("stand where the command line has them, and get what every route has", async () => {
    const other = await startUpstream({ respond: () => ({ body: "other" }) });
    const rules =
      "rules: [{ name: a, match: { headers: [{ name: x-to, exact: a }] }, destination: other }]\n";
    const filter = { filter: "header-routing", file: await write("to-other.yaml", rules) };
    await using front = await startFront({
      port: 0,
      cwd: folder,
      upstreams: parseUpstreams([server.url, `other=http://127.0.0.1:${other.port}`]),
      filters: [filter],
      natives: [
        { file: await write("cors.yaml", CORS), before: 0 },
        { file: await write("before.yaml", MUTATION("a")), before: 0 },
        { file: await write("after.yaml", MUTATION("b")), before: 1 },
      ],
    });
    const { body, header } = await send(front.url, { headers: [["origin", "https://shop.example"]] });
    expect({ body, allowed: header("access-control-allow-origin") }).toEqual({
      body: "other",
      allowed: "https://shop.example",
    });
    expect(other.requests.map((request) => request.header("x-to"))).toEqual(["b"]);
    await other[Symbol.asyncDispose]();
  });

  it("take an edit of their file, and say what only a restart can change", async () => {
    const file = await write("edited.yaml", MUTATION("a"));
    const twice = await write("twice.yaml", `${CORS.trim()}\n`);
    const events: RunEvent[] = [];
    await using front = await startFront({
      port: 0,
      cwd: folder,
      upstreams: parseUpstreams([server.url]),
      filters: [],
      natives: [
        { file, before: 0 },
        { file: twice, before: 0 },
        { file: twice, before: 0 },
      ],
      onEvent: (event) => events.push(event),
    });
    const told = async (text: string, name = "edited.yaml") => {
      events.length = 0;
      await write(name, text);
      return vi.waitFor(() => {
        expect(events).not.toEqual([]);
        return events.flatMap(describeEvent).join("\n");
      }, WAIT);
    };
    const sent = async () => JSON.parse((await send(front.url)).body).headers["x-to"];
    const name = "envoy.filters.http.header_mutation";
    expect(await sent()).toBe("a");
    expect(await told(MUTATION("b"))).toBe(`applied: ${name} at ${file}`);
    expect(await sent()).toBe("b");

    const refused = await told(MUTATION("c").replace("append_action", "append_acton"));
    expect(refused).toMatch(/^refused: envoy\.filters\.http\.header_mutation at .*append_acton/);
    const isRefused = (value: string) => told(MUTATION(value).replace("append_action", "append_acton"));
    expect(await isRefused("d")).toMatch(/^refused: /);
    expect(await isRefused("c")).toBe(refused);
    // Envoy refuses this later, and takes it when it comes again, unless it got something else
    // between.
    const keyless = MUTATION("c").replace("key: x-to", 'key: ""');
    expect(await told(keyless)).toMatch(/^refused: .*[kK]ey/);
    expect(await told(MUTATION("b"))).toMatch(/^applied: /);
    expect(await told(keyless)).toMatch(/^refused: .*[kK]ey/);
    expect(await told("- name: a\n")).toMatch(/edited\.yaml:1:3: \[0\]\.typed_config: is required/);
    expect(await sent()).toBe("b");

    expect(await told(MUTATION("c").replace(name, "mine"))).toBe(`restart to apply: name of ${file}`);
    expect(await told(MUTATION("c").replace("HeaderMutation", "HeaderMutationPerRoute"))).toBe(
      `restart to apply: typed_config["@type"] of ${file}`,
    );
    expect(await told(MUTATION("c") + MUTATION("d"))).toBe(
      `restart to apply: the number of filters in ${file}`,
    );
    const edited = await told(CORS.replace("shop.example", "shop.test"), "twice.yaml");
    expect(edited).toMatch(/^restart to apply: per_route_config\.allow_origin_string_match\[0\]\.exact of /);
    expect(await sent()).toBe("b");

    events.length = 0;
    await front.restart();
    await expect.poll(() => events.map(({ kind }) => kind)).toContain("restarted");
    expect(await sent()).toBe("b");
    expect(await told(MUTATION("e"))).toBe(`applied: ${name} at ${file}`);
    expect(await sent()).toBe("e");
  });

  it("are refused at the start by Envoy's own sentence", async () => {
    const natives = [
      { file: await write("typo.yaml", MUTATION("a").replace("append_action", "acton")), before: 0 },
    ];
    await expect(start({ upstreams: parseUpstreams([server.url]), natives })).rejects.toThrow(
      /^Envoy "envoy" refuses the filter envoy\.filters\.http\.header_mutation: .*acton/,
    );
  });

  it.each([
    ["name: a\n", /native\.yaml:1:1: typed_config: /],
    [
      "- name: a\n  typed_config: { type: x }\n",
      /native\.yaml:2:3: \[0\]\.typed_config\["@type"\]: is required/,
    ],
    [
      "name: a\ntyped_config: { '@type': x }\nport: 1\n",
      /native\.yaml:2:17: typed_config\["@type"\]: must be/,
    ],
    ["[]\n", /native\.yaml:1:1: .*must have at least one filter/],
  ])("are refused before anything starts: %j", async (text, message) => {
    const natives = [{ file: await write("native.yaml", text), before: 0 }];
    await expect(start({ upstreams: parseUpstreams([server.url]), natives })).rejects.toThrow(message);
  });
});

describe("another listener", () => {
  it("speaks HTTP/1.0, keeps slashes, and believes one proxy before it, where it is told to", async () => {
    const listener = parseListener({
      http10: true,
      mergeSlashes: false,
      escapedSlashes: "keep",
      trustedHops: 1,
      listen: "0.0.0.0",
    });
    await using front = await start({ upstreams: parseUpstreams([server.url]), listener });
    const response = await send(front.url, {
      path: "//a%2Fb",
      headers: [["x-forwarded-for", "6.6.6.6, 8.8.8.8"]],
    });
    expect(JSON.parse(response.body)).toMatchObject({
      url: "//a%2Fb",
      // Without a trusted proxy the client would be this machine, which is not external.
      headers: { "x-envoy-external-address": "8.8.8.8" },
    });
    const { port } = new URL(front.url);
    expect(await rawAnswer(Number(port), "GET / HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.[01] 200 /);
  });

  it.skipIf(!hasIpv6())("takes IPv6, and leaves HTTP/1.0 alone without being told", async () => {
    const listener = parseListener({ listen: "[::1]" });
    await using front = await start({ upstreams: parseUpstreams([server.url]), listener });
    expect(front.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(front.url)).status).toBe(200);
    expect(await rawAnswer(Number(new URL(front.url).port), "GET / HTTP/1.0\r\n\r\n", "::1")).toMatch(
      /^HTTP\/1\.[01] 426 /,
    );
  });

  it("is silent for as long as it may, and not longer", async () => {
    const quiet = http.createServer(() => {});
    await once(quiet.listen(0, "127.0.0.1"), "listening");
    const { port } = quiet.address() as AddressInfo;
    const upstreams = parseUpstreams([`http://127.0.0.1:${port}`]);
    await using front = await start({ upstreams, listener: parseListener({ idleTimeout: "200ms" }) });
    expect((await fetch(front.url)).status).toBe(504);
    quiet.closeAllConnections();
    quiet.close();
  });
});

it("a named upstream and an HTTP service are clusters, though nothing sends requests there", async () => {
  await using front = await start({
    upstreams: parseUpstreams([server.url, `keys=${server.url}`]),
    httpServices: parseHttpServices([`keys=${server.url}`]),
  });
  const stats = await new AdminClient(front.adminUrl).stats("^cluster\\..*\\.membership_healthy$");
  expect([...stats.keys()].sort()).toEqual(
    ["keys", "meshwright~discovery", "upstream-keys", "upstream"].map(
      (name) => `cluster.${name}.membership_healthy`,
    ),
  );
});

it("a filter calls an HTTP service by its name", async () => {
  const service = await startUpstream({ respond: () => ({ body: "called" }) });
  const file = path.join(folder, "empty.yaml");
  await writeFile(file, "{}\n");
  await using front = await startFront({
    port: 0,
    cwd: folder,
    upstreams: parseUpstreams([server.url]),
    httpServices: parseHttpServices([`service=http://127.0.0.1:${service.port}`]),
    filters: [{ filter: path.join(PACKAGE_ROOT, "test/probes/calls-stateless"), file }],
  });
  const { body } = await send(front.url, { headers: [["x-path", "/asked"]] });
  expect(JSON.parse(body).headers).toMatchObject({ "x-called": "service" });
  expect(service.requests.map(({ path: asked }) => asked)).toEqual(["/asked"]);
  await service[Symbol.asyncDispose]();
});

describe.skipIf(isMissing("openssl"))(`an https upstream ${needs("openssl")}`, () => {
  it("gets HTTP/2 where it offers it, and WebSockets over HTTP/1.1", async () => {
    const authority = makeAuthority(folder);
    const identity = await authority.issue("shop", "DNS:localhost");
    const secure = http2.createSecureServer({ ...identity, allowHTTP1: true }, (request, response) => {
      response.end(request.httpVersion);
    });
    secure.on("upgrade", takeWebSocket);
    await once(secure.listen(0, "127.0.0.1"), "listening");
    const { port } = secure.address() as AddressInfo;
    await using front = await start({
      upstreams: parseUpstreams([`https://localhost:${port}`]),
      caFile: authority.caFile,
    });
    expect(await (await fetch(front.url)).text()).toBe("2.0");
    expect(await upgrade(front.url)).toEqual({ status: 101, accepted: true, text: "HELLO AGAIN" });
    expect(await connectHttp2(front.url)).toEqual({ status: 200, text: "HELLO" });
    secure.close();
  });
});

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === "::1"));
}

function rawAnswer(port: number, request: string, host = "127.0.0.1"): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, host, () => socket.write(request));
    socket.on("data", (data) => {
      text += data.toString();
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}
