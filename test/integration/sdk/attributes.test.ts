// Attributes through a probe filter in stock Envoy, over mutual TLS and without.

import { mkdtemp, rm } from "node:fs/promises";
import https from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { makeAuthority } from "../../../kit/envoy/certificates.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileProbe } from "../../support/compile-probe.js";
import { isBefore } from "../../support/version.js";
import { attributesBootstrap } from "./attributes-envoy.js";

const PRINCIPAL = "spiffe://cluster.local/ns/default/sa/orders";
let folder: string;
let upstream: Upstream;
let envoy: EnvoyProcess;
let tlsPort: number;
let plainPort: number;
let client: { readonly key: Buffer; readonly cert: Buffer };

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-attributes-"));
  const module = path.join(folder, "attributes.wasm");
  await compileProbe("test/probes/attributes/index.ts", module);
  const authority = makeAuthority(folder);
  client = await authority.issue("client", `URI:${PRINCIPAL},DNS:orders.test`);
  await authority.issue("server", "DNS:mesh.test");
  upstream = await startUpstream();
  const [adminPort = 0, ...ports] = await freePorts(3);
  [tlsPort = 0, plainPort = 0] = ports;
  envoy = await startEnvoyProcess({
    binary: await findEnvoy(),
    bootstrap: attributesBootstrap({
      module,
      certificates: folder,
      adminPort,
      tlsPort,
      plainPort,
      upstreamPort: upstream.port,
    }),
    directory: folder,
  });
});

afterAll(async () => {
  await envoy?.stop();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function overTls(requestPath: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: tlsPort,
      path: requestPath,
      method: "POST",
      servername: "mesh.test",
      rejectUnauthorized: false,
      agent: false as const,
      headers: { referer: "here", "user-agent": "probe/1" },
      ...client,
    };
    const request = https.request(options, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    request.on("error", reject);
    request.end("question");
  });
}

type Phase = "request" | "response" | "log";

/**
 * What the probe has logged about a stream that has just ended, by phase and by the attributes'
 * names.
 */
async function saidAfter(
  run: () => Promise<unknown>,
): Promise<Record<Phase, Readonly<Record<string, string>>>> {
  const before = lines().length;
  await run();
  await vi.waitFor(() => expect(lines().slice(before).join("\n")).toContain("ATTRIBUTE log now"), 60_000);
  const said: Record<Phase, Record<string, string>> = { request: {}, response: {}, log: {} };
  for (const line of lines().slice(before)) {
    const [, phase, name, value] = /ATTRIBUTE (request|response|log) (\S+) (.*)$/.exec(line) ?? [];
    if (phase !== undefined && name !== undefined) said[phase as Phase][name] = value ?? "";
  }
  return said;
}

function lines(): readonly string[] {
  return envoy.logs().split("\n");
}

const TLS = {
  "connection.mtls": "true true",
  "connection.tls_version": '"TLSv1.3"',
  "connection.subject_local_certificate": '"CN=server"',
  "connection.subject_peer_certificate": '"CN=client"',
  "connection.dns_san_local_certificate": '"mesh.test"',
  "connection.dns_san_peer_certificate": '"orders.test"',
  "connection.uri_san_local_certificate": "null",
  "connection.uri_san_peer_certificate": `"${PRINCIPAL}"`,
  "connection.sha256_peer_certificate_digest": expect.stringMatching(/^"[0-9a-f]{64}"$/),
  // An older Envoy does not know it.
  "connection.peer_certificate": (await isBefore("1.39")) ? "null" : '"-----BEGIN CERTIFICATE-----',
  principal: `"${PRINCIPAL}"`,
};
const CONFIGURATION = {
  "xds.node.id": '"node-1"',
  "xds.node.cluster": '"node-cluster"',
  "xds.cluster_name": '"upstream"',
  "xds.route_name": '"route-1"',
  "xds.virtual_host_name": '"host-1"',
  "xds.filter_chain_name": '"chain-1"',
  "xds.listener_direction": "1",
  plugin_name: '"probe-tls"',
  plugin_root_id: '""',
  plugin_vm_id: '"vm-1"',
};
const METADATA_READ = {
  "route.text": '"täxt"',
  "route.number": "1.5 -1.0 -1.0",
  "route.flag": "true false true",
  "route.struct": expect.stringMatching(/^\{(a=b,c=d|c=d,a=b),\}$/),
  "route.list": "{x=,y=,}",
  "route.none": "null null",
  "host.text": '"täxt"',
  "cluster.text": '"täxt"',
  "listener.text": '"täxt"',
  "node.text": '"täxt"',
  "dynamic.text": "null",
};
const REQUEST = {
  "request.path": '"/a/b?c=d"',
  "request.url_path": '"/a/b"',
  "request.host": expect.stringMatching(/^"127\.0\.0\.1:\d+"$/),
  "request.scheme": '"https"',
  "request.method": '"POST"',
  "request.referer": '"here"',
  "request.useragent": '"probe/1"',
  "request.id": expect.stringMatching(/^"[0-9a-f-]{36}"$/),
  "request.query": '"c=d"',
  "request.headers": expect.stringContaining(":path=/a/b?c=d,"),
  "request.size": "8",
};
const SAID = (minimum: number) => expect.toSatisfy((text: string) => Number(text) >= minimum);

describe("attributes over mutual TLS", () => {
  let said: Awaited<ReturnType<typeof saidAfter>>;

  beforeAll(async () => {
    said = await saidAfter(() => overTls("/a/b?c=d"));
  });

  test.each(["request", "response", "log"] as const)(
    "of the connection and the configuration: %s",
    (phase) => {
      expect(said[phase]).toMatchObject({ ...TLS, ...CONFIGURATION, ...METADATA_READ });
      expect(said[phase]).toMatchObject({ "request.protocol": '"HTTP/1.1"', "connection.id": SAID(1) });
      const [address, port] = [said[phase]["source.address"], said[phase]["source.port"]];
      expect(address).toBe(`"127.0.0.1:${port}"`);
      expect(said[phase]["destination.address"]).toBe(`"127.0.0.1:${tlsPort}"`);
      expect(said[phase]["destination.port"]).toBe(String(tlsPort));
    },
  );

  test("of the request's headers, when they arrive and at the end", () => {
    expect(said.request).toMatchObject(REQUEST);
    expect(said.log).toMatchObject(REQUEST);
    expect(said.response).toMatchObject({ "request.path": "null", "request.headers": "{}" });
    expect(said.request["request.duration"]).toBe("-7");
    expect(said.log["request.duration"]).toEqual(SAID(1));
  });

  test("of the response, once it has arrived", () => {
    expect(said.request).toMatchObject({ "response.code": "-7", "response.code_details": "null" });
    for (const phase of [said.response, said.log]) {
      expect(phase).toMatchObject({
        "response.code": "200",
        "response.code_details": '"via_upstream"',
        "response.flags": "0",
        "response.headers": expect.stringContaining(":status=200,"),
      });
    }
    expect(said.log).toMatchObject({ "response.size": SAID(10), "response.backend_latency": SAID(1) });
  });

  test("of the upstream, once there is a connection", () => {
    expect(said.request).toMatchObject({
      "upstream.address": "null",
      "upstream.port": "-7",
      "upstream.request_attempt_count": "0",
      "upstream.text": "null",
    });
    expect(said.response).toMatchObject({
      "upstream.address": `"127.0.0.1:${upstream.port}"`,
      "upstream.port": String(upstream.port),
      "upstream.num_endpoints": "1",
      "upstream.request_attempt_count": "1",
      "upstream.locality.region": '"region-1"',
      "upstream.locality.zone": '"zone-1"',
      "upstream.locality.sub_zone": '"sub-1"',
      "upstream.tls_version": "null",
      "upstream.text": '"täxt"',
    });
  });

  test("times are nanoseconds since 1970, like the clock's", () => {
    const came = Number(said.request["request.time"]) / 1e6;
    const [milliseconds, nanoseconds] = (said.request.now ?? "").split(" ").map(Number);
    expect(Math.abs(Date.now() - came)).toBeLessThan(60_000);
    expect(milliseconds).toBeGreaterThanOrEqual(Math.floor(came));
    expect(Math.abs((nanoseconds ?? 0) / 1e6 - (milliseconds ?? 0))).toBeLessThan(10_000);
  });
});

test("attributes of TLS, metadata or headers are null without these, and do no harm", async () => {
  const { request, log } = await saidAfter(() => send(`http://127.0.0.1:${plainPort}/`));
  for (const said of [request, log]) {
    expect(said).toMatchObject({
      "connection.mtls": "false false",
      "connection.tls_version": "null",
      "connection.uri_san_peer_certificate": "null",
      principal: "null",
      "request.referer": "null",
      "request.query": '""',
      "route.text": "null",
      "route.number": "-1.0 -1.0 -1.0",
      "listener.text": "null",
      "xds.listener_direction": "0",
    });
  }
});
