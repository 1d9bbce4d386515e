// The demo mesh with stock Envoy at every hop: which version requests reach, one trace through all
// hops, edits while it runs, and its end.

import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { runMain } from "../commands/run-main.js";
import { copyDemo, type DemoCopy } from "./demo-copy.js";

const WAIT = { timeout: 20_000, interval: 50 };

let demo: DemoCopy;
let folder: string;
let file: string;

beforeAll(async () => {
  demo = await copyDemo();
  ({ folder, file } = demo);
});
afterAll(() => demo?.[Symbol.asyncDispose]());

/** What a service of the demo answers. */
interface Answer {
  readonly service: string;
  readonly version: string;
  readonly calls: Readonly<Record<string, Answer>>;
}

describe("the demo mesh", () => {
  let mesh: RunningMesh;
  const events: RunEvent[] = [];
  let original: string;

  beforeAll(async () => {
    original = await readFile(file, "utf8");
    mesh = await startMesh({ file, gatewayPort: 0, cwd: folder, onEvent: (event) => events.push(event) });
  });
  afterAll(async () => {
    await mesh?.stop();
    await writeFile(file, original);
  });

  const get = (where: string, headers: Record<string, string> = {}) =>
    fetch(`${mesh.plan.gatewayUrl}${where}`, { headers });

  async function ordersVersion(
    where: string,
    headers: Record<string, string> = {},
  ): Promise<string | undefined> {
    const answer = (await (await get(where, headers)).json()) as Answer;
    return answer.calls.orders?.version;
  }

  const eventsOf = (kind: RunEvent["kind"]) => events.filter((event) => event.kind === kind);

  async function edit(
    change: (text: string) => string,
    kind: RunEvent["kind"],
  ): Promise<RunEvent | undefined> {
    const before = eventsOf(kind).length;
    await writeFile(file, change(await readFile(file, "utf8")));
    await expect.poll(() => eventsOf(kind).length).toBeGreaterThan(before);
    return eventsOf(kind).at(-1);
  }

  it.each([
    ["a premium user", "/", { "x-user-type": "premium" }, "v2"],
    ["the beta group", "/", { "x-user-group": "beta" }, "v2"],
    ["the canary tester", "/", { "end-user": "canary-tester" }, "v2"],
    ["/api/v1", "/api/v1", {}, "v1"],
    ["/api/v2", "/api/v2/items?q=1", {}, "v2"],
    ["a premium user on /api/v1, by the order of the rules", "/api/v1", { "x-user-type": "premium" }, "v2"],
    ["a client that names the destination itself", "/api/v1", { "x-mesh-destination": "v2" }, "v1"],
  ])("sends %s to the right version of orders", async (_who, where, headers, version) => {
    expect(await ordersVersion(where, headers as Record<string, string>)).toBe(version);
  });

  it("keeps each user on one version, and sends about a tenth of them to v2", async () => {
    const users = Array.from({ length: 100 }, (_, i) => ({ "x-user-id": `user-${i}` }));
    const first = await Promise.all(users.map((user) => ordersVersion("/", user)));
    const second = await Promise.all(users.map((user) => ordersVersion("/", user)));
    expect(second).toEqual(first);
    const onV2 = first.filter((version) => version === "v2").length;
    expect(onV2).toBeGreaterThan(0);
    expect(onV2).toBeLessThan(30);
  });

  it("carries one trace through every hop, each the child of the one before", async () => {
    const requestId = randomUUID();
    const response = await get("/api/v1", {
      "x-request-id": requestId,
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    await response.arrayBuffer();
    const hops = await accessLog(mesh, requestId);
    expect(hops.map((hop) => hop.hop)).toEqual([
      "gateway/public",
      "gateway/outbound-storefront",
      "storefront_v1/inbound",
      "storefront_v1/outbound-orders",
      "orders_v1/inbound",
      "orders_v1/outbound-payments",
      "payments_v1/inbound",
    ]);
    const spans = hops.map((hop) => hop["x-b3-spanid"]);
    expect(new Set(spans).size).toBe(hops.length);
    expect(hops.map((hop) => hop["x-b3-parentspanid"])).toEqual(["b7ad6b7169203331", ...spans.slice(0, -1)]);
    expect(new Set(hops.map((hop) => hop["x-b3-traceid"]))).toEqual(
      new Set(["0af7651916cd43dd8448eb211c80319c"]),
    );
    expect(hops.map((hop) => hop.traceparent)).toEqual(
      spans.map((span) => `00-0af7651916cd43dd8448eb211c80319c-${span}-01`),
    );
    expect(response.headers.get("x-trace-id")).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(hops[4]?.["x-mesh-destination"]).toBe("v1");
  });

  it("counts the requests of each version", async () => {
    const count = async () =>
      (await mesh.figures()).find((each) => each.service === "orders" && each.version === "v2");
    const before = await count();
    await ordersVersion("/api/v2");
    await expect.poll(async () => (await count())?.ok).toBe((before?.ok ?? 0) + 1);
  });

  it("asks the stock over gRPC in version 2, and counts the calls", async () => {
    const answer = (await (await get("/api/v2")).json()) as Answer;
    expect(answer.calls.orders?.calls.stock).toEqual({ left: { tea: 12, mug: 3 } });
    const figures = async () => (await mesh.figures()).find((each) => each.service === "stock");
    await expect.poll(async () => (await figures())?.ok).toBeGreaterThanOrEqual(2);
    expect(await figures()).toMatchObject({ clientErrors: 0, serverErrors: 0 });
  });

  it("switches a running mesh over without dropping a request", async () => {
    const statuses = new Set<number>();
    let switching = true;
    const load = async () => {
      while (switching) statuses.add((await get("/", { "x-user-type": "premium" })).status);
    };
    const clients = [load(), load(), load()];
    const applied = await edit(
      (text) => text.replace(/(premium \}\] \}\n\s+destination: )v2/, "$1v1"),
      "applied",
    );
    await vi.waitFor(
      async () => expect(await ordersVersion("/", { "x-user-type": "premium" })).toBe("v1"),
      WAIT,
    );
    switching = false;
    await Promise.all(clients);
    expect([...statuses]).toEqual([200]);
    expect(applied).toEqual({
      kind: "applied",
      filter: "header-routing",
      places: ["storefront_v1/outbound-orders_2_header-routing"],
    });
  });

  it("keeps the last good settings when the file is wrong, and says where", async () => {
    const good = await readFile(file, "utf8");
    const refused = await edit((text) => text.replace("weight: 90", "weight: ninety"), "file-refused");
    expect(refused).toMatchObject({
      lines: [
        expect.stringMatching(/mesh\.yaml:\d+:\d+: services\.orders\.filters\[0\]\.config\.rules\[5\]/),
      ],
    });
    expect(await ordersVersion("/api/v2")).toBe("v2");
    await writeFile(file, good);
  });

  it("says what only a restart can change, and continues", async () => {
    const event = await edit(
      (text) => text.replace("calls: [payments, stock]", "calls: [payments]"),
      "restart-needed",
    );
    expect(event).toEqual({ kind: "restart-needed", paths: ["services.orders.calls"] });
    expect(await ordersVersion("/api/v1")).toBe("v1");
  });

  it("refuses to start twice in one folder", async () => {
    const second = await runMain(["up", file, "--engine", "process", "--port", "0"], folder);
    expect(second.exitCode).toBe(8);
    expect(second.stderr).toMatch(
      new RegExp(`^meshwright: "demo" is already running in this folder \\(pid ${process.pid}\\)`),
    );
    expect((await get("/")).status).toBe(200);
  });
});

/**
 * The lines of all Envoys about one request, in the order in which the request passed the Envoys.
 */
async function accessLog(mesh: RunningMesh, requestId: string): Promise<Record<string, string>[]> {
  return vi.waitFor(async () => {
    // Envoy buffers lines for up to ten seconds unless it is told to reopen the file.
    await Promise.all(mesh.envoys.map((envoy) => envoy.process.admin.post("/reopen_logs")));
    const files = mesh.envoys.map((envoy) =>
      path.join(mesh.directory, "envoys", `${envoy.plan.name}.access.log`),
    );
    const lines = (await Promise.all(files.map((each) => readFile(each, "utf8"))))
      .join("")
      .trim()
      .split("\n");
    const hops = lines
      .map((line) => JSON.parse(line) as Record<string, string>)
      .filter((line) => line["x-request-id"] === requestId);
    expect(hops).toHaveLength(7);
    return chained(hops);
  }, WAIT);
}

/** Sorts the hops, starting with the one whose parent is none of them. */
function chained(hops: readonly Record<string, string>[]): Record<string, string>[] {
  const spans = new Set(hops.map((hop) => hop["x-b3-spanid"]));
  let next = hops.find((hop) => !spans.has(hop["x-b3-parentspanid"]));
  const chain: Record<string, string>[] = [];
  while (next !== undefined && chain.length < hops.length) {
    chain.push(next);
    const span = next["x-b3-spanid"];
    next = hops.find((hop) => hop["x-b3-parentspanid"] === span);
  }
  return chain;
}
