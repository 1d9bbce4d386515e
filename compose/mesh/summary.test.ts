import { describe, expect, it } from "vitest";
import { readMesh } from "./file.js";
import { planMesh, portNames } from "./plan.js";
import { type Mesh, meshSchema } from "./schema.js";
import { addressLines, curlLines, filterLines } from "./summary.js";

function plan(mesh: Mesh) {
  const ports = new Map(portNames(mesh).map((name, i) => [name, 20_000 + i]));
  return planMesh(mesh, { directory: "/run", home: "/", ports, modulePath: (filter) => filter });
}

const demo = () => readMesh(new URL("../mesh.yaml", import.meta.url).pathname);

describe("the demo mesh", () => {
  it("is told by its addresses", async () => {
    const lines = addressLines(plan(await demo()));
    expect(lines[0]).toBe("gateway  http://127.0.0.1:20000");
    expect(lines.filter((line) => line.includes("http://")).length).toBe(6);
  });

  it("is told by what its filters are set to", async () => {
    expect(filterLines(await demo())).toEqual([
      'trace-headers at gateway: write w3c+b3-multi, responseHeader "x-trace-id"',
      "trace-headers at inbound, outbound: write w3c+b3-multi",
      expect.stringMatching(/^header-routing before orders: premium → v2, .*canary → v1 90 \/ v2 10$/),
    ]);
  });

  it("offers three unlike commands", async () => {
    const mesh = await demo();
    expect(curlLines(mesh, plan(mesh))).toEqual([
      "curl http://127.0.0.1:20000/",
      "curl -H 'x-user-type: premium' http://127.0.0.1:20000/",
      "curl http://127.0.0.1:20000/api/v1",
    ]);
  });
});

it("offers three commands for a mesh without rules, and quotes what a shell would read", () => {
  const base = {
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: { front: { versions: { v1: { command: "x" } } } },
  };
  const bare = meshSchema.parse(base);
  expect(curlLines(bare, plan(bare))).toHaveLength(3);
  const config = {
    rules: [{ name: "a", match: { headers: [{ name: "x-a", exact: "it's; rm" }] }, destination: "v1" }],
  };
  const quoted = meshSchema.parse({
    ...base,
    services: { front: { ...base.services.front, filters: [{ filter: "header-routing", config }] } },
  });
  expect(curlLines(quoted, plan(quoted))[1]).toContain(`-H 'x-a: it'\\''s; rm'`);
});

it("says what a service that runs by itself must be told", () => {
  const mesh = meshSchema.parse({
    name: "shop",
    gateway: { routes: [{ prefix: "/", service: "front" }] },
    services: {
      front: { versions: { v1: { url: "http://127.0.0.1:9000" } }, calls: ["gift-cards"] },
      "gift-cards": { versions: { v1: { command: "x" } } },
    },
  });
  expect(addressLines(plan(mesh)).at(-1)).toMatch(
    /^front-v1 runs by itself at http:\/\/127\.0\.0\.1:9000, and is to be given GIFT_CARDS_URL=http:\/\/127\.0\.0\.1:\d+$/,
  );
});
