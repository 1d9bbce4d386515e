import { setTimeout as delay } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { MeshwrightError } from "../envoy/errors.js";
import type { ChildExit } from "../envoy/runtime/child.js";
import type { RunEvent } from "./events.js";
import { describeEvent } from "./events.js";
import { type Running, Supervised } from "./supervised.js";

/** A process that ends when the test says so, or when it is stopped. */
function fake(logs = "") {
  let end: (exit: ChildExit) => void = () => {};
  const exited = new Promise<ChildExit>((resolve) => {
    end = resolve;
  });
  const stop = async () => end({ code: null, signal: "SIGTERM" });
  return { process: { exited, logs: () => logs, stop }, crash: () => end({ code: 3, signal: null }) };
}

function supervise(start: () => Promise<Running>) {
  const first = fake("a\nout of tea");
  const events: RunEvent[] = [];
  const onEvent = (event: RunEvent) => events.push(event);
  const supervised = new Supervised<Running>(first, { what: "service a", start, onEvent, firstWait: 0.02 });
  return { first, supervised, events, kinds: () => events.map(({ kind }) => kind) };
}

it("starts what has ended again, waits longer after each failure, and tells all of it", async () => {
  const start = vi.fn(async (): Promise<Running> => fake());
  start.mockRejectedValueOnce(new MeshwrightError("write-failed", "no room"));
  start.mockRejectedValueOnce(new TypeError("no function"));
  const { first, supervised, events } = supervise(start);
  first.crash();
  await expect.poll(() => events).toHaveLength(5);
  expect(events.flatMap(describeEvent)).toEqual([
    "service a ended with code 3; its last lines:",
    "  a",
    "  out of tea",
    "starting service a again in 0.02 s",
    "not started again: service a: no room; the next attempt is made in 0.04 s",
    "not started again: service a: unexpected error: TypeError: no function; the next attempt is made in 0.08 s",
    "started again within 0.0 s: service a",
  ]);
  expect(supervised.running).toBeDefined();
  await supervised.stop();
  expect(events).toHaveLength(5);
});

it("says that a process wrote nothing", () => {
  const exit = { code: null, signal: "SIGKILL" };
  expect(describeEvent({ kind: "ended", what: "Envoy x", exit, lastLines: [] })).toEqual([
    "Envoy x was ended by SIGKILL; it wrote nothing",
  ]);
});

it("starts it again at once when a person asks, whether it is up or waits", async () => {
  const start = vi.fn(async (): Promise<Running> => fake());
  const { supervised, kinds } = supervise(start);
  await supervised.restart();
  await expect.poll(() => kinds()).toEqual(["restarting", "restarted"]);
  start.mockRejectedValue(new Error("no"));
  void supervised.restart();
  await expect.poll(() => start.mock.calls.length).toBeGreaterThan(6);
  start.mockResolvedValue(fake());
  const since = performance.now();
  await supervised.restart();
  await expect.poll(() => kinds().at(-1)).toBe("restarted");
  expect(performance.now() - since).toBeLessThan(600);
  await supervised.stop();
});

it("does not start again what is stopped, not even while it waits or starts", async () => {
  const start = vi.fn((): Promise<Running> => new Promise(() => {}));
  const { supervised, kinds } = supervise(start);
  await supervised.stop();
  expect(start).not.toHaveBeenCalled();
  expect(kinds()).toEqual([]);
  const waiting = supervise(async () => Promise.reject(new Error("no")));
  waiting.first.crash();
  await expect.poll(() => waiting.kinds()).toContain("not-restarted");
  await waiting.supervised.stop();
  const late = fake();
  let begun: (running: Running) => void = () => {};
  const starting = supervise(() => new Promise((resolve) => (begun = resolve)));
  starting.first.crash();
  await expect.poll(() => starting.kinds()).toEqual(["ended", "restarting"]);
  await delay(50);
  const stopped = starting.supervised.stop();
  begun(late);
  await stopped;
  expect(await late.process.exited).toMatchObject({ signal: "SIGTERM" });
  expect(starting.kinds()).toEqual(["ended", "restarting"]);
});

it("has done what was asked while it started", async () => {
  let begun: (running: Running) => void = () => {};
  const start = () => new Promise<Running>((resolve) => (begun = resolve));
  const { first, supervised, kinds } = supervise(start);
  first.crash();
  await expect.poll(() => kinds()).toEqual(["ended", "restarting"]);
  await delay(50);
  await supervised.restart();
  const second = fake();
  begun(second);
  await expect.poll(() => kinds()).toHaveLength(3);
  second.crash();
  await expect.poll(kinds).toEqual(["ended", "restarting", "restarted", "ended", "restarting"]);
  const stopped = supervised.stop();
  begun(fake());
  await stopped;
});
