// The story that circuit breakers are told by: one service of the demo hangs, and the site stays
// up. The same mesh without the filters shows what happens otherwise.

import { readFile, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { startMesh } from "../../../compose/mesh/up.js";
import type { UpMesh } from "../../../compose/up-mesh.js";
import { copyDemo, type DemoCopy } from "./demo-copy.js";

const CLIENTS = 8;
const LOAD_MS = 10_000;
const SHIELDS = ["circuit-breaker", "deadline"];
/** A customer of this wish meets a payments that hangs. */
const STORM = { "x-user-wish": "slow-payments" };

interface Outcome {
  readonly requests: number;
  readonly answeredWell: number;
  readonly p50: number;
  readonly p99: number;
  /** What callers have waited for at payments. */
  readonly waited: number;
}

/** What of the demo's answer is read here. */
interface Page {
  readonly calls: {
    readonly orders: { readonly calls: { readonly payments: { readonly version: string } } };
  };
}

let demo: DemoCopy;
beforeAll(async () => {
  demo = await copyDemo();
});
afterAll(() => demo?.[Symbol.asyncDispose]());

/** Removes every entry of these filters from a mesh file. */
function without(text: string, filters: readonly string[]): string {
  const document = parseDocument(text);
  const mesh = document.toJS({ maxAliasCount: -1 }) as Record<string, unknown>;
  const strip = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter((each) => !filters.includes(each?.filter)).map(strip);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, strip(each)]));
  };
  return JSON.stringify(strip(mesh));
}

/** Clients that ask one page after another, all at once, while payments hangs. */
async function storm(mesh: UpMesh): Promise<Outcome> {
  const before = await requestsTo(mesh, "payments");
  const until = performance.now() + LOAD_MS;
  const durations: number[] = [];
  let answeredWell = 0;
  const client = async () => {
    while (performance.now() < until) {
      const begun = performance.now();
      const response = await fetch(mesh.gatewayUrl, { headers: STORM });
      await response.text();
      durations.push(performance.now() - begun);
      if (response.status === 200) answeredWell++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  durations.sort((a, b) => a - b);
  const at = (share: number) => Math.round(durations[Math.floor(durations.length * share)] ?? 0);
  const waited = (await requestsTo(mesh, "payments")) - before;
  return { requests: durations.length, answeredWell, p50: at(0.5), p99: at(0.99), waited };
}

async function requestsTo(mesh: UpMesh, service: string): Promise<number> {
  const figures = await mesh.figures();
  return figures.filter((each) => each.service === service).reduce((sum, each) => sum + each.requests, 0);
}

async function stateOf(mesh: UpMesh, service: string): Promise<string | undefined> {
  return (await mesh.figures()).find((each) => each.service === service)?.state;
}

/** Recommendations are a little old while payments hangs, and not an error. */
async function expectLastGoodAnswer(mesh: UpMesh): Promise<void> {
  const ask = async (headers: Record<string, string>) => {
    const url = `${mesh.gatewayUrl}/recommendations`;
    const response = await fetch(url, { headers: { "x-user-id": "ann", ...headers } });
    const page = (await response.json()) as Page;
    return { status: response.status, orders: page.calls.orders };
  };
  const good = await ask({});
  expect(good.status).toBe(200);
  // Word for word the same, so it was not made anew.
  expect(await ask(STORM)).toEqual(good);
}

it("one service hangs, and the site stays up with the filters, and not without them", async () => {
  const outcomes: Record<string, Outcome> = {};
  const text = await readFile(demo.file, "utf8");
  {
    await writeFile(demo.file, without(text, SHIELDS));
    await using mesh = await startMesh({ file: demo.file, gatewayPort: 0, cwd: demo.folder });
    expect((await fetch(mesh.gatewayUrl)).status).toBe(200);
    outcomes["without the filters"] = await storm(mesh);
    expect(await stateOf(mesh, "payments")).toBeUndefined();
  }
  {
    await writeFile(demo.file, text);
    await using mesh = await startMesh({ file: demo.file, gatewayPort: 0, cwd: demo.folder });
    expect((await fetch(mesh.gatewayUrl)).status).toBe(200);
    expect(await stateOf(mesh, "payments")).toBe("");
    outcomes["with them"] = await storm(mesh);
    console.table(outcomes);
    expect(await stateOf(mesh, "payments")).toMatch(/^payments (open|half-open)/);
    // Payments is back. Orders v1 and v2 have a circuit each, which closes when it is asked.
    for (const path of ["/api/v1", "/api/v2"]) {
      const paymentsOf = async () => {
        const page = (await (await fetch(`${mesh.gatewayUrl}${path}`)).json()) as Page;
        return page.calls.orders.calls?.payments.version;
      };
      await expect.poll(paymentsOf).toBe("v1");
    }
    await expect.poll(() => stateOf(mesh, "payments")).toBe("");
    await expectLastGoodAnswer(mesh);
  }
  const { "without the filters": hit, "with them": shielded } = outcomes;
  expect(hit?.answeredWell).toBe(0);
  expect(shielded?.requests).toBeGreaterThan(4 * (hit?.requests ?? 0));
  expect((shielded?.answeredWell ?? 0) / (shielded?.requests ?? 1)).toBeGreaterThan(0.9);
  expect((shielded?.waited ?? 0) / (shielded?.requests ?? 1)).toBeLessThan(0.1);
}, 240_000);
