// What is inferred from compose projects, each form by itself.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readProject } from "../project/read.js";
import type { FoundMesh, FoundService } from "./facts.js";
import { inferMesh } from "./infer.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "infer-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The mesh of a compose file with these services. */
async function infer(services: string, others: Readonly<Record<string, string>> = {}): Promise<FoundMesh> {
  for (const [name, text] of Object.entries({ "compose.yaml": `services:\n${services}`, ...others })) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return inferMesh(await readProject({ folder, env: {}, by: "meshwright" }));
}

async function service(name: string, services: string, others: Readonly<Record<string, string>> = {}) {
  const { services: found } = await infer(services, others);
  return found.find(({ compose }) => compose === name) as FoundService;
}

const WEB = '  web: { image: example/web, ports: ["80:8080"] }\n';

describe("the port", () => {
  it.each([
    ["{ image: x, expose: [3000], ports: ['80:4000'] }", 3000, "expose, compose.yaml:3"],
    ["{ image: x, ports: ['127.0.0.1:80:4000/tcp'] }", 4000, "ports, compose.yaml:3"],
    ["{ image: 'postgres:17' }", 5432, "the image postgres"],
    ["{ image: 'registry.example:5000/team/redis-stack@sha256:0' }", 6379, "the image redis-stack"],
    ["{ image: 'bitnami/mysql' }", 3306, "the image mysql"],
    ["{ image: x, environment: { PORT: 7000 } }", 7000, "PORT, compose.yaml:3"],
    ["{ image: x, environment: [ 'LISTEN_ADDR=0.0.0.0:7001' ] }", 7001, "LISTEN_ADDR, compose.yaml:3"],
    ["{ image: x, environment: { DB_PORT: 7000 } }", undefined, undefined],
    [
      '{ build: { context: ., dockerfile_inline: "FROM a\\nEXPOSE 1\\nFROM b\\nENV P=99\\nEXPOSE $$P/tcp 98/udp" } }',
      99,
      "EXPOSE of its Dockerfile",
    ],
    ["{ image: x, expose: ['53/udp'] }", undefined, undefined],
  ])("of %s is %s", async (app, port, reason) => {
    const found = await service("app", `${WEB}  app: ${app}\n`);
    expect([found.port?.value, found.port?.reason]).toEqual([port, reason]);
  });

  it("is that of the Dockerfile in the folder of a build", async () => {
    const files = { "app/docker/Dockerfile": "FROM scratch\nARG PORT=8443\nEXPOSE 8080 $PORT\n" };
    const app = "  app: { build: { context: app, dockerfile: docker/Dockerfile } }\n";
    const found = await service("app", WEB + app, files);
    expect(found.port).toMatchObject({ value: 8080, reason: "EXPOSE of its Dockerfile" });
    expect(found.notes).toEqual([expect.stringContaining("8443 (EXPOSE of its Dockerfile)")]);
  });

  it("is the one that most of the callers name, before any other", async () => {
    const callers =
      "  a: { image: x, environment: { URL: 'http://app:1' } }\n  b: { image: x, command: serve --app http://app:2/ }\n  c: { image: x, environment: [APP=app:2] }\n";
    const found = await service("app", `${WEB}${callers}  app: { image: x, expose: [3] }\n`);
    expect(found.port?.value).toBe(2);
    expect(found.notes).toEqual([expect.stringMatching(/more ports than 2.*1 \(URL of a.*3 \(expose/)]);
  });
});

describe("a call", () => {
  const TARGETS =
    "  api: { image: x, expose: [1] }\n  db: { image: postgres }\n  q: { image: rabbitmq, container_name: Broker }\n";

  it.each([
    ["environment: { API_URL: 'http://api:1/path' }", ["api"]],
    ["environment: { API_URL: 'http://api' }", ["api"]],
    ["environment: { ANY: 'postgres://user:secret@db:5432/shop?x=y' }", ["db"]],
    ["environment: { ANY: 'jdbc:postgresql://db:5432/shop' }", ["db"]],
    ["environment: { ANY: 'user:pw@tcp(db:5432)/shop' }", ["db"]],
    ["environment: { ANY: 'host=db port=5432 user=me' }", ["db"]],
    ["environment: { ANY: 'Server=db,5432;Database=x' }", ["db"]],
    ["environment: { BROKERS: 'elsewhere:1,broker:5672, api:1' }", ["api", "q"]],
    ["environment: { ANY: 'amqp://guest:guest@BROKER:5672//' }", ["q"]],
    ["environment: { DB_HOST: db, DB_PORT: 5432 }", ["db"]],
    ["environment: { DB_NAME: db, DATABASE: db, POSTGRES_DB: db, POSTGRES_USER: api }", []],
    ["environment: { TEXT: 'see the api and the db', OTHER: 'http://api.example:1' }", []],
    ["environment: { LOCAL: 'http://localhost:1', SELF: 'http://app:9' }", []],
    ["command: ['serve', '--db-host', 'db', '--api=http://api:1']", ["api", "db"]],
    ["command: wait-for-it db:5432 -- serve", ["db"]],
    ["links: ['db:database']", ["db"]],
    ["links: ['db:database'], environment: { URL: 'postgres://database/x' }", ["db"]],
  ])("is in %s", async (how, calls) => {
    const found = await service("app", `${WEB}${TARGETS}  app: { image: x, expose: [9], ${how} }\n`);
    expect(found.calls.map((call) => call.service).sort()).toEqual(calls);
    expect(found.calls.filter(({ isGuess }) => isGuess)).toEqual([]);
  });

  it("is a guess where only depends_on says so", async () => {
    const found = await service(
      "app",
      `${WEB}${TARGETS}  app: { image: x, depends_on: [db, api], environment: { A: 'api:1' } }\n`,
    );
    expect(found.calls.map(({ service: to, isGuess }) => [to, isGuess])).toEqual([
      ["api", false],
      ["db", true],
    ]);
  });

  it("leads to no service that is out of reach, or that takes no connections", async () => {
    const others = "  far: { image: redis, networks: [far] }\n  worker: { image: x }\n";
    const app = "  app: { image: x, environment: { A: 'redis://far' }, depends_on: [worker] }\n";
    const { services } = await infer(`${WEB}${others}${app}networks: { far: {} }\n`);
    expect(services.flatMap(({ calls }) => calls)).toEqual([]);
  });

  it("goes past the sidecar where it is made at several ports of one service", async () => {
    const queue = "  q: { image: rabbitmq, ports: ['15672:15672'] }\n";
    const app = "  app: { image: x, environment: { A: 'amqp://q', B: 'http://q:15672' } }\n";
    const other = "  other: { image: x, environment: { A: 'amqp://q' } }\n";
    const { services } = await infer(WEB + queue + app + other);
    const [, , found, second] = services;
    expect([found?.calls, second?.calls.map((call) => call.service)]).toEqual([[], ["q"]]);
    expect(found?.notes).toEqual([expect.stringContaining("calls q at 15672 too")]);
  });

  it("is not looked for in texts that are too long for addresses", async () => {
    const text = `${"x".repeat(9_000)} http://api:1`;
    const found = await service(
      "app",
      `${WEB}${TARGETS}  app: { image: x, environment: { A: '${text}' } }\n`,
    );
    expect(found.calls).toEqual([]);
  });

  it("never shows what a variable has beside the host", async () => {
    const found = await infer(
      `${WEB}${TARGETS}  app: { image: x, environment: { U: 'postgres://me:secret@db/x' } }\n`,
    );
    expect(JSON.stringify(found)).not.toContain("secret");
  });
});

describe("the protocol", () => {
  it.each([
    ["expose: [5]", "environment: { A: 'http://app:5' }", "http1", false],
    ["expose: [5]", "environment: { A: 'grpc://app:5' }", "grpc", false],
    ["expose: [5]", "environment: { A: 'h2c://app:5' }", "http2", false],
    ["expose: [5]", "environment: { A: 'ws://app:5' }", "http1", false],
    ["expose: [5]", "environment: { A: 'https://app:5' }", "tcp", false],
    ["expose: [5]", "environment: { A: 'postgresql+asyncpg://app:5' }", "tcp", false],
    ["expose: [5]", "environment: { APP_GRPC_ADDR: 'app:5' }", "grpc", false],
    ["expose: [5]", "environment: { OTLP: 'http://app:4317' }", "grpc", true],
    ["expose: [5], environment: { GRPC_PORT: 5 }", "", "grpc", false],
    ["ports: [{ target: 5, app_protocol: h2c }]", "", "http2", false],
    ["ports: [{ target: 5, name: grpc-api }]", "", "grpc", false],
    ["ports: [{ target: 5, app_protocol: tcp }]", "environment: { A: 'http://app:5' }", "tcp", false],
    ["expose: [5], healthcheck: { test: 'curl -f http://localhost:5/' }", "", "http1", false],
    ["expose: [5], healthcheck: { test: [CMD, grpc_health_probe, -addr=:5] }", "", "grpc", false],
    ["expose: [5], healthcheck: { test: pg_isready }", "", "tcp", false],
    ["expose: [50051]", "", "grpc", true],
    ["expose: [6379]", "", "tcp", true],
    ["expose: [8080]", "", "http1", true],
    ["expose: [5]", "", "tcp", true],
    ["ports: ['5']", "", "http1", true],
  ])("of %s, called by %s, is %s", async (app, caller, protocol, isGuess) => {
    const found = await service(
      "app",
      `${WEB}  app: { image: x, ${app} }\n  caller: { image: x, ${caller} }\n`,
    );
    expect([found.protocol.value, found.protocol.isGuess]).toEqual([protocol, isGuess]);
  });

  it("is a guess of gRPC where the sources have its messages", async () => {
    const app = "  app: { build: app, expose: [5] }\n";
    const found = await service("app", WEB + app, { "app/proto/a.proto": "" });
    expect(found.protocol).toMatchObject({ value: "grpc", isGuess: true });
  });
});

describe("the gateway", () => {
  it("leads to the service that stands in front, and offers the others", async () => {
    const { routes, gatewayPort } = await infer(
      `  admin: { image: x, ports: ["10000-10001:80"] }\n  frontend: { image: x, ports: ["9999:80"] }\n  db: { image: postgres, ports: ["5432:5432"] }\n`,
    );
    expect(routes.map(({ prefix, service: to, isOffer }) => [prefix, to, isOffer])).toEqual([
      ["/admin", "admin", true],
      ["/", "frontend", false],
    ]);
    expect(gatewayPort).toBe(10_002);
  });

  it("leads to a service that nobody calls where none publishes HTTP", async () => {
    const { routes } = await infer(
      "  api: { image: x, expose: [8080] }\n  web: { image: x, expose: [8080], environment: { A: 'http://api:8080' } }\n",
    );
    expect(routes.map(({ service: to }) => to)).toEqual(["web"]);
  });

  it("is not there where nothing speaks HTTP", async () => {
    await expect(infer("  db: { image: postgres }\n")).rejects.toThrow(
      /nowhere to lead: name one by --route/,
    );
  });
});

describe("what is left out", () => {
  it("has a reason and a line", async () => {
    const { leftOut, services } = await infer(`${WEB}  host: { image: x, network_mode: host }
  none: { image: x, network_mode: none }
  shared: { image: x, network_mode: "service:web" }
  windows: { image: x, platform: windows/amd64 }
  job: { image: x }
  late: { image: x, depends_on: { job: { condition: service_completed_successfully } } }
`);
    expect(leftOut.map(({ compose, place }) => `${compose} ${place}`)).toEqual([
      "host compose.yaml:3",
      "none compose.yaml:4",
      "shared compose.yaml:5",
      "windows compose.yaml:6",
      "job compose.yaml:7",
    ]);
    expect(services.map(({ compose }) => compose)).toEqual(["web", "late"]);
  });

  it("may be all, which is refused with every reason", async () => {
    await expect(infer("  a: { image: x, network_mode: host }\n")).rejects.toMatchObject({
      message: "no service of the project can be in a mesh",
      details: [expect.stringMatching(/^compose.yaml:2: a has the machine's network/)],
    });
  });
});

it("gives names that a mesh file may have, and tells those that changed", async () => {
  const long = "a".repeat(60);
  const { services } = await infer(
    `  my_api: { image: x, ports: ["8080"] }\n  My.Api: { image: x }\n  my-api: { image: x }\n  1st: { image: x }\n  localhost: { image: x }\n  ${long}: { image: x }\n`,
  );
  expect(services.map(({ name }) => name)).toEqual([
    "my-api-2",
    "my-api-3",
    "my-api",
    "s-1st",
    "localhost-2",
    "a".repeat(41),
  ]);
  expect(services.map(({ notes }) => notes.length)).toEqual([1, 1, 0, 1, 1, 1]);
});

it("tells of replicas, privileges, and ports of UDP", async () => {
  const { notes } = await service(
    "app",
    `  app: { image: x, ports: ["80", "53:53/udp"], privileged: true, deploy: { replicas: 2 } }\n`,
  );
  expect(notes).toEqual([
    expect.stringContaining("2 replicas"),
    expect.stringContaining("privileged"),
    expect.stringContaining("53/udp"),
  ]);
});
