// A mesh in which filters are for some routes: at the gateway, where services call, before apps,
// and in clusters' chains. Two of its services are called through one listener.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";

/** Answers with what it saw, and asks the service that `x-call` names for the same path. */
const SERVER = `
import { createServer, request } from "node:http";
const { PORT, SERVICE_NAME: service, SERVICE_VERSION: version } = process.env;
const ask = (url, headers) => new Promise((resolve, reject) => {
  request(url, { headers }, async (answer) => {
    let text = "";
    for await (const piece of answer) text += piece;
    resolve({ status: answer.statusCode, text });
  }).on("error", reject).end();
});
createServer(async ({ url, headers }, response) => {
  const { "x-call": name, host, connection, ...rest } = headers;
  const to = name && process.env[name.toUpperCase() + "_URL"];
  const called = to && (await ask(to + url, rest).catch((error) => ({ status: 0, text: String(error) })));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ service, version, path: url, trace: headers.traceparent !== undefined, called }));
}).listen(Number(PORT), "127.0.0.1");
`;

const limit = (name: string, most: number) => ({
  rules: [{ name, key: [{ header: "x-user-id" }], missing: "skip", local: { limit: most, unit: "hour" } }],
});
const abort = (status: number) => ({ rules: [{ name: `abort-${status}`, abort: { status } }] });
const command = ["node", "server.mjs"];

const MESH = {
  name: "by-route",
  gateway: {
    port: 0,
    routes: [
      { prefix: "/api", service: "orders" },
      { prefix: "/", service: "web" },
    ],
    filters: [
      { filter: "rate-limit", routes: [{ prefix: "/login" }], config: limit("login", 2) },
      {
        filter: "rate-limit",
        routes: [{ name: "orders" }, { prefix: "/api/free", disabled: true }],
        config: limit("api", 4),
      },
    ],
  },
  services: {
    web: { versions: { v1: { command } }, calls: ["orders", "stock"] },
    orders: {
      versions: { v1: { command }, v2: { command } },
      retries: { on: ["5xx"], attempts: 2 },
      filters: [
        {
          filter: "header-routing",
          routes: [{ prefix: "/api/next" }],
          config: { rules: [{ name: "all", destination: "v2" }] },
        },
        {
          filter: "fault-injection",
          routes: [{ prefix: "/api/broken" }],
          config: { where: "upstream", ...abort(503) },
        },
      ],
    },
    // For all paths of one of two services that have one listener.
    stock: { versions: { v1: { command } }, filters: [{ filter: "fault-injection", config: abort(418) }] },
  },
  filters: [
    {
      filter: "trace-headers",
      at: ["inbound"],
      routes: [{ prefix: "/traced" }, { prefix: "/traced/not", disabled: true }],
      config: {},
    },
    {
      filter: "fault-injection",
      at: ["inbound"],
      routes: [{ prefix: "/attempt" }],
      config: { where: "upstream", ...abort(504) },
    },
  ],
};

/** The filters that it uses. */
export const BY_ROUTE_FILTERS = ["rate-limit", "header-routing", "fault-injection", "trace-headers"] as const;

/** Writes it and its server. @returns the mesh file */
export async function writeByRouteMesh(folder: string): Promise<string> {
  await writeFile(path.join(folder, "server.mjs"), SERVER);
  const file = path.join(folder, "mesh.yaml");
  await writeFile(file, stringify(MESH));
  return file;
}
