// `inspect` judges features, limits, segments and starts as V8 in stock Envoy does, whatever Node
// runs it. A hundred modules; `inspect.test.ts` has a few of them.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectFile } from "../../../envoy/module/inspect-file.js";
import { writeWat } from "../../support/wat.js";
import { type Cases, ENGINE_ENDS, ENGINE_LOADS, ENGINE_REFUSES, FEATURES } from "./engine-cases.js";
import { loadedByEnvoy } from "./loaded-by-envoy.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-engine-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes the modules and returns, for each, whether `inspect` would have it loaded. */
async function inspected(cases: Cases, prefix: string) {
  const modules = new Map<string, string>();
  const verdicts: { name: string; id: string; inspect: boolean }[] = [];
  for (const [i, [name, fields]] of Object.entries(cases).entries()) {
    const id = `${prefix}${i}`;
    const file = await writeWat(path.join(folder, `${id}.wasm`), fields, { newest: true });
    modules.set(id, file);
    verdicts.push({ name, id, inspect: (await inspectFile(file)).refusals.length === 0 });
  }
  return { modules, verdicts };
}

test("Envoy loads what inspect accepts, and refuses what it refuses", async () => {
  const loads = await inspected({ ...FEATURES, ...ENGINE_LOADS }, "l");
  const refuses = await inspected(ENGINE_REFUSES, "r");
  const verdicts = [...loads.verdicts, ...refuses.verdicts];
  const loaded = await loadedByEnvoy(new Map([...loads.modules, ...refuses.modules]), folder);
  const both = verdicts.map(({ id, ...rest }) => ({ ...rest, envoy: loaded.get(id) }));
  expect(both.filter(({ inspect, envoy }) => inspect !== envoy)).toEqual([]);
  expect(both.filter(({ envoy }) => envoy).map(({ name }) => name)).toEqual(
    Object.keys({ ...FEATURES, ...ENGINE_LOADS }),
  );
}, 300_000);

test("inspect refuses what ends Envoy", async () => {
  const { modules, verdicts } = await inspected(ENGINE_ENDS, "e");
  expect(verdicts.filter(({ inspect }) => inspect)).toEqual([]);
  for (const [id, file] of modules) {
    await expect(loadedByEnvoy(new Map([[id, file]]), folder), id).rejects.toThrow(/ended by SIG/);
  }
}, 300_000);
