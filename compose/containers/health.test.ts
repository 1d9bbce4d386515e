import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { FILTERS } from "../../filters/catalog.js";
import type { ServicePlan } from "../mesh/plan-service.js";
import { meshSchema } from "../mesh/schema.js";
import { envoyHealth, type HealthCheck, podHealth } from "./health.js";

const MESH = meshSchema(FILTERS).parse({
  name: "shop",
  gateway: { routes: [{ prefix: "/", service: "web" }] },
  services: {
    web: { versions: { v1: { command: "node web.js" } } },
    db: { port: 5432, protocol: "tcp", versions: { v1: { command: "db" } } },
  },
});
const WEB = { service: "web", version: "v1", name: "web_v1", start: {} } as ServicePlan;
const DB = { service: "db", version: "v1", name: "db_v1", start: {} } as ServicePlan;

/** What compose makes of the script. */
function script({ test }: HealthCheck): string {
  return (test.at(-1) ?? "").replaceAll("$$", "$");
}

/** How long the first look of a container waits, in seconds. */
function waits(check: HealthCheck): number {
  return Number(/await (\d+);/.exec(script(check))?.[1]);
}

describe.each([
  ["an Envoy", (pods: number) => envoyHealth(pods)],
  ["a pod", (pods: number) => podHealth(pods, MESH, WEB, false)],
  ["a pod with rules", (pods: number) => podHealth(pods, MESH, WEB, true)],
])("%s", (_, health) => {
  it("may take the longer to start, the more pods start with it", () => {
    expect(waits(health(1))).toBeGreaterThanOrEqual(60);
    expect(waits(health(150)) - waits(health(1))).toBe(149 * 5);
  });

  it.each([1, 20, 150])("is looked at for no longer than the engine lets a look of %i pods take", (pods) => {
    const check = health(pods);
    expect(Number.parseInt(check.timeout, 10)).toBeGreaterThan(waits(check));
    const [, watched] = /SECONDS < (\d+)\)\); do await/.exec(script(check)) ?? [];
    expect(Number.parseInt(check.timeout, 10)).toBeGreaterThan(Number(watched) + 15);
  });

  it("has a script that bash can read", () => {
    const { status, stderr } = spawnSync("bash", ["-n", "-c", script(health(3))], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  });
});

it("asks a database nothing, which would write a line for each connection", () => {
  expect(script(podHealth(1, MESH, WEB, false))).toContain("/dev/tcp/127.0.0.1/8080");
  expect(script(podHealth(1, MESH, DB, false))).not.toContain("/dev/tcp/127.0.0.1/5432");
  expect(script(podHealth(1, MESH, DB, false))).toContain("listens 1538");
});
