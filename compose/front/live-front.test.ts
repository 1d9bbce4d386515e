// What happens when a change to a running Envoy's files fails. The Envoy here answers as the test
// says.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { MeshwrightError } from "../../envoy/errors.js";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import type { RunEvent } from "../events.js";
import { claimRunDirectory, type RunDirectory } from "../run-directory.js";
import type { Outcome } from "../supervised-envoy.js";
import { parseUpstreamUrl } from "../upstream-url.js";
import { ModuleCopies, readFrontFilter } from "./filters.js";
import { LiveFront } from "./live-front.js";

const APPLIED: Outcome = { kind: "applied" };
const settings = (edit: number) => JSON.stringify({ edit });

const nameOf = (file: string) => path.basename(path.dirname(file));

const apply = vi.fn(async (): Promise<Outcome> => APPLIED);
const events: RunEvent[] = [];
const unhandled = vi.fn();

let folder: string;
let file: string;
let entry: string;
let directory: RunDirectory;
let live: LiveFront;
let edits = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "live-front-"));
  file = path.join(folder, "own.json");
  await writeFile(file, settings(0));
  directory = await claimRunDirectory("run", folder);
  entry = await ownFilter();
  const filters = [await readFrontFilter({ filter: entry, file }, { grpc: [], http: [] })];
  const upstream = parseUpstreamUrl("http://127.0.0.1:1");
  if (!upstream.ok) throw new Error("the test's URL is wrong");
  live = await LiveFront.follow({
    front: {
      filters: [],
      upstreams: { fallback: upstream.value, named: {} },
      modulePath: ({ filter }) => path.join(folder, `${filter}.wasm`),
      port: 1,
      adminPort: 2,
    },
    filters,
    modules: new Map(),
    copies: new ModuleCopies(path.join(directory.path, "modules")),
    envoy: { apply },
    directory,
    onEvent: (event) => events.push(event),
  });
  process.on("unhandledRejection", unhandled);
});

afterAll(async () => {
  process.off("unhandledRejection", unhandled);
  live?.[Symbol.dispose]();
  await directory?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
  await rm(path.dirname(entry), { recursive: true, force: true });
});

beforeEach(() => {
  events.length = 0;
});
afterEach(() => expect(unhandled).not.toHaveBeenCalled());

/** In a checkout an own filter is compiled in the package, at the depth of a filter's room. */
async function ownFilter(): Promise<string> {
  const room = path.join(PACKAGE_ROOT, "build", `live-front-test-${process.pid}`);
  await mkdir(room, { recursive: true });
  await writeFile(path.join(room, "index.ts"), "export const broken: i32 = 1;\n");
  return path.join(room, "index.ts");
}

/** Saves other settings, and returns the event that reports them. */
async function edit(): Promise<RunEvent | undefined> {
  edits++;
  await writeFile(file, settings(edits));
  await expect.poll(() => events).not.toEqual([]);
  return events[0];
}

it.each([
  [
    "an Envoy that is gone",
    new MeshwrightError("envoy-failed", "Envoy's admin does not answer"),
    "Envoy's admin does not answer",
  ],
  [
    "a file that cannot be written",
    new MeshwrightError("write-failed", "cannot write it (ENOSPC)"),
    "cannot write it (ENOSPC)",
  ],
  ["an unexpected error", new TypeError("no function"), "unexpected error: TypeError: no function"],
])("reports %s, and applies the next edit", async (_what, error, line) => {
  apply.mockRejectedValueOnce(error);
  expect(await edit()).toEqual({ kind: "not-applied", what: file, lines: [line] });
  events.length = 0;
  expect(await edit()).toEqual({ kind: "applied", filter: nameOf(entry), places: [file] });
});

it("says that the last good settings stay after a refused file", async () => {
  await writeFile(file, "edit: [");
  await expect.poll(() => events).toHaveLength(1);
  expect(events[0]).toEqual({
    kind: "file-refused",
    lines: [expect.stringContaining(`refused: ${file}:1:`)],
  });
});

it("reports settings that Envoy refuses, with its reason", async () => {
  apply.mockResolvedValueOnce({ kind: "refused", reason: "not these" });
  expect(await edit()).toMatchObject({ kind: "refused", filter: nameOf(entry), reason: "not these" });
});

it("reports a module that cannot be built, and one that is ready when Envoy is gone", async () => {
  await writeFile(entry, "export const broken: i32 = ;\n");
  await expect.poll(() => events).toHaveLength(1);
  expect(events[0]).toMatchObject({ kind: "build-failed" });
  events.length = 0;
  apply.mockRejectedValueOnce(new MeshwrightError("envoy-failed", "Envoy's admin does not answer"));
  await writeFile(
    entry,
    `import "../../assembly/abi/abort";
export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_tick(id: u32): void {}
`,
  );
  await expect.poll(() => events).toHaveLength(1);
  expect(events[0]).toEqual({
    kind: "not-applied",
    what: `the new module of ${nameOf(entry)}`,
    lines: ["Envoy's admin does not answer"],
  });
});

it("does not report what fails because Envoy was stopped", async () => {
  let fail: (error: Error) => void = () => {};
  const calls = apply.mock.calls.length;
  apply.mockReturnValueOnce(
    new Promise((_resolve, reject) => {
      fail = reject;
    }),
  );
  edits++;
  await writeFile(file, settings(edits));
  await expect.poll(() => apply).toHaveBeenCalledTimes(calls + 1);
  live[Symbol.dispose]();
  fail(new MeshwrightError("envoy-failed", "Envoy's admin does not answer"));
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(events).toEqual([]);
});
