import { describe, expect, it } from "vitest";
import { checkDocument } from "../../envoy/document.js";
import { FILTERS } from "../../filters/catalog.js";
import { needsContainers } from "./compose-checks.js";
import { meshSchema } from "./schema.js";

const SCHEMA = meshSchema(FILTERS);

const BASE = `
name: shop
compose: [compose.yaml]
gateway: { routes: [{ prefix: /, service: web }] }
services:
  web: { port: 8080, calls: [api, db], versions: { v1: { compose: My.web_1 } } }
  api: { port: 8080, versions: { v1: { compose: api }, v2: { url: "http://127.0.0.1:9000" } } }
  db: { port: 5432, protocol: tcp, versions: { v1: { compose: db } } }
  worker: { calls: [db], versions: { v1: { compose: worker } } }
`;

function check(from: string, to: string) {
  expect(BASE).toContain(from);
  return checkDocument(BASE.replace(from, to), SCHEMA, "m");
}

/** The problems after one text is replaced, without the column. */
function problems(from: string, to: string): string[] {
  const checked = check(from, to);
  return checked.ok ? [] : checked.lines.map((line) => line.replace(/^m:(\d+):\d+: /, "$1 "));
}

describe("a mesh file of compose's services", () => {
  it("is accepted, with a service that only calls", () => {
    expect(problems("name: shop", "name: shop")).toEqual([]);
  });

  it("does not run as processes", () => {
    const checked = check("name: shop", "name: shop");
    const found = checked.ok ? needsContainers(checked.value) : [];
    expect(found.map(({ path }) => path.join("."))).toEqual([
      "services.web.versions.v1.compose",
      "services.api.versions.v1.compose",
      "services.db.versions.v1.compose",
      "services.worker.versions.v1.compose",
    ]);
  });

  it.each([
    ["compose: [compose.yaml]", "compose: []", /^3 compose: must name at least one file/],
    ["compose: [compose.yaml]", "compose: compose.yaml", /^3 compose: .*expected array/],
    ["compose: My.web_1", "compose: a b", /^6 services\.web\.versions\.v1\.compose: must be the name/],
    ["compose: My.web_1", "compose: $(rm)", /^6 services\.web\.versions\.v1\.compose: must be the name/],
    ["compose: My.web_1", "compose: web, command: x", /^6 services\.web\.versions\.v1\.\w+: unknown key/],
    [
      "compose: My.web_1",
      "compose: api",
      /^7 services\.api\.versions\.v1\.compose: is version v1 of web already/,
    ],
    ["port: 8080, calls", "calls", /^6 services\.web: needs the port .* because the gateway calls it/],
    ["port: 5432, ", "", /^8 services\.db: needs the port .* because web calls it/],
    ["port: 5432", "port: 0", "8 services.db.port: must be from 1 to 65535"],
    ["port: 5432", "port: 65536", "8 services.db.port: must be from 0 to 65535"],
    ["protocol: tcp", "protocol: udp", "8 services.db.protocol: must be one of http1, http2, grpc, tcp"],
    [
      "protocol: tcp",
      "protocol: tcp, healthChecks: { path: / }",
      /^8 services\.db\.healthChecks: is for HTTP/,
    ],
    ["protocol: tcp", "protocol: tcp, mirror: { version: v1 }", /services\.db\.mirror: is for HTTP/],
    ["protocol: tcp", "protocol: tcp, timeout: 1s", /^8 services\.db\.timeout: is for HTTP/],
    ["protocol: tcp", "protocol: tcp, allow: [{ from: web }]", /^8 services\.db\.allow: is for HTTP/],
    [
      "name: shop",
      "name: shop\naccess: { denyByDefault: true }",
      /services\.db\.protocol: is tcp, where access/,
    ],
    ["protocol: tcp", "protocol: tcp, retries: { on: [reset] }", /^8 services\.db\.retries: is for HTTP/],
    [
      "protocol: tcp",
      "protocol: tcp, filters: [{ filter: trace-headers }]",
      "8 services.db.filters: is for HTTP, and the service's protocol is tcp; leave it out",
    ],
    [
      "service: web }",
      "service: web }, { prefix: /db, service: db }",
      /^4 gateway\.routes\[1\]\.(prefix|service): /,
    ],
    [
      "service: web }]",
      "service: db }]",
      "4 gateway.routes[0].service: takes no HTTP: the protocol of db is tcp; leave the route out",
    ],
    [
      "{ compose: db }",
      '{ url: "http://127.0.0.1:5432" }',
      '8 services.db.versions.v1.url: must begin with "tcp://", as the service\'s protocol is tcp',
    ],
    [
      "{ compose: db }",
      '{ url: "tcp://127.0.0.1" }',
      /^8 services\.db\.versions\.v1\.url: must name the port/,
    ],
    [
      "{ compose: db }",
      '{ url: "tcp://u:p@h:1" }',
      /^8 services\.db\.versions\.v1\.url: must not hold a user/,
    ],
    [
      "http://127.0.0.1:9000",
      "tcp://127.0.0.1:9000",
      /^7 .*\.url: begins with "tcp:\/\/", so the service needs/,
    ],
  ] as const)("is refused: %s → %s", (from, to, expected) => {
    const found = problems(from, to);
    const matches = (line: string) =>
      typeof expected === "string" ? line === expected : expected.test(line);
    expect(found.filter(matches), found.join("\n")).not.toEqual([]);
  });
});
