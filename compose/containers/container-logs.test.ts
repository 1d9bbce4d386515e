import { afterEach, expect, it, vi } from "vitest";
import { type ManagedChild, startChild } from "../../envoy/runtime/child.js";
import type { RunEvent } from "../events.js";
import type { ComposeCli } from "./compose-cli.js";
import { ContainerLogs } from "./container-logs.js";
import { OWN_NAMES } from "./part-names.js";
import type { ContainerPlan } from "./plan.js";

const AT = "[2026-01-02 03:04:05.678][7][info][wasm] [source/a/b.cc:12]";

const children: ManagedChild[] = [];
afterEach(() => Promise.all(children.splice(0).map((child) => child.stop())));

/** Compose that writes these lines and goes on. */
function composeThatWrites(lines: readonly string[]): ComposeCli {
  const follow: ComposeCli["follow"] = ({ onLine }) => {
    const args = ["-c", 'printf "%s\\n" "$@"; exec sleep 600', "compose", ...lines];
    const child = startChild({ name: "compose", command: "/bin/sh", args, onLine });
    children.push(child);
    return child;
  };
  const containerName = (service: string) => (service === "db" ? "the-db-1" : `shop-${service}-1`);
  return { folder: "/nowhere", follow, containerName } as unknown as ComposeCli;
}

function planOf(...envoys: readonly string[]): ContainerPlan {
  const filters = [{ name: "inbound_1_first", filter: "first" }];
  return {
    names: OWN_NAMES,
    mesh: { envoys: envoys.map((name) => ({ name, filters })) },
  } as unknown as ContainerPlan;
}

it("shows what filters write, also in the Envoy of a version that comes later", async () => {
  let plan = planOf("gateway", "orders_v1");
  const shown: string[] = [];
  const onEvent = (event: RunEvent) => void (event.kind === "logged" && shown.push(...event.lines));
  const compose = composeThatWrites([
    `gateway-1             | ${AT} wasm log inbound_1_first: one`,
    `orders_v2-sidecar-1   | ${AT} wasm log inbound_1_first: two`,
    `orders_v2-app-1       | ${AT} wasm log inbound_1_first: not Envoy's`,
  ]);
  const logs = new ContainerLogs(compose, () => plan, onEvent);
  plan = planOf("gateway", "orders_v1", "orders_v2");
  await vi.waitFor(
    () =>
      expect(shown).toEqual([
        "info: first at gateway/inbound_1_first: one",
        "info: first at orders_v2/inbound_1_first: two",
      ]),
    { timeout: 20_000, interval: 50 },
  );
  await logs.stop();
});

it("keeps the last lines of each container, whatever its name, without the access logs of Envoys", async () => {
  const compose = composeThatWrites([
    'web-1      | {"level":"error"}',
    'gateway-1  | {"status":200}',
    "gateway-1  | up",
    "the-db-1   | ready",
    "no prefix",
  ]);
  const logs = new ContainerLogs(
    compose,
    () => planOf("gateway"),
    () => {},
  );
  await vi.waitFor(() => expect(logs.of("db")).toContain("ready"), { timeout: 20_000, interval: 50 });
  expect(logs.of("web")).toContain('{"level":"error"}');
  expect(logs.of("gateway").trim()).toBe("up");
  await logs.stop();
});
