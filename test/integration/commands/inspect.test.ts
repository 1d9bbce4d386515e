// `inspect` says what stock Envoy does with a module: it reports every refusal, and reports none
// for a module that Envoy loads.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { withDiscovery } from "../../../envoy/config/discovery.js";
import { httpListener } from "../../../envoy/config/listener.js";
import { directResponse, virtualHost } from "../../../envoy/config/route.js";
import { LiveFilter } from "../../../envoy/discovery/live-filter.js";
import { DiscoveryServer } from "../../../envoy/discovery/server.js";
import { type AbiVersion, callbacksOf, isAllowedAtStart, linkedImports } from "../../../envoy/module/abi.js";
import { inspectFile } from "../../../envoy/module/inspect-file.js";
import type { Signature } from "../../../envoy/module/types.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { LiveFilters } from "../../../kit/envoy/filters.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { compileModule } from "../../../toolchain/compile/build.js";
import { debugModulePath } from "../../../toolchain/compile/compile.js";
import { isBefore } from "../../support/version.js";
import { ABI_MARKER, ALLOCATOR, MEMORY, MINIMAL, writeWat } from "../../support/wat.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-inspect-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * Starts one Envoy with all the modules, each in its own filter, and returns for each whether Envoy
 * loaded it.
 */
async function loadedByEnvoy(modules: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, boolean>> {
  const directory = await mkdtemp(path.join(folder, "envoy-"));
  await using discovery = await DiscoveryServer.start();
  const source = discovery.source("test");
  const filters = new LiveFilters(source);
  const chain = await filters.add([...modules].map(([name, module]) => ({ name, module })));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const virtualHosts = [virtualHost({ name: "all", routes: [directResponse({ status: 200, body: "ok" })] })];
  const envoy = await startEnvoyProcess({
    binary: await findEnvoy(),
    bootstrap: withDiscovery(
      bootstrap({
        node: { id: "test", cluster: "test" },
        adminPort,
        listeners: [httpListener({ name: "test", port, filters: chain, virtualHosts })],
        clusters: [],
      }),
      discovery,
    ),
    directory,
    workers: 1,
  });
  try {
    const loaded = new Map<string, boolean>();
    for (const name of modules.keys()) {
      const live = new LiveFilter({ admin: envoy.admin, logs: () => envoy.logs(), name, source });
      loaded.set(name, (await live.refusalAtStart()) === undefined);
    }
    return loaded;
  } finally {
    await envoy.stop();
  }
}

const types = (list: readonly string[]) => list.join(" ");
const imported = (name: string, { params, results }: Signature, id = "") =>
  `(import "${name.split(".")[0]}" "${name.slice(name.indexOf(".") + 1)}"
    (func ${id} (param ${types(params)}) (result ${types(results)})))`;
const exported = (name: string, params: string, result = "") =>
  `(func (export "${name}") (param ${params}) (result ${result}) ${result === "" ? "" : "(i32.const 0)"})`;
const marker = (version: string) => `(func (export "proxy_abi_version_${version.replaceAll(".", "_")}"))`;

/** Calls of WASI that an older Envoy does not link. It refuses a module that imports one. */
const LATER_CALLS = new RegExp(
  `^wasi_\\w+\\.(${[
    "clock_res_get",
    "fd_(fdstat_set_rights|advise|allocate|datasync|filestat_(get|set_size|set_times)|pread|pwrite|readdir|renumber|sync|tell)",
    "path_(create_directory|filestat_(get|set_times)|link|readlink|remove_directory|rename|symlink|unlink_file)",
    "sock_(accept|recv|send|shutdown)",
  ].join("|")})$`,
);
/** An older Envoy traps in these when they are called with zeros at the start. */
const NOT_AT_START = /\.(emscripten_notify_memory_growth|poll_oneoff)$/;
const isOlder = await isBefore("1.39");

/** What `abi.ts` says Envoy links, as far as this Envoy does. */
function linkedHere(version: AbiVersion): ReadonlyMap<string, Signature> {
  return new Map([...linkedImports(version)].filter(([name]) => !(isOlder && LATER_CALLS.test(name))));
}

/** Everything that `abi.ts` says Envoy links and calls in a module of that version. */
function everything(version: AbiVersion): string {
  return (
    [
      ...[...linkedHere(version)].map(([name, signature]) => imported(name, signature)),
      marker(version) + ALLOCATOR + MEMORY,
      ...[...callbacksOf(version)].map(([name, { params, results }]) =>
        exported(name, types(params), types(results)),
      ),
    ]
      .join("")
      // If these callbacks returned 0, the module would refuse to start.
      .replace(
        /(proxy_(on_vm_start|on_configure|validate_configuration)"\)[^)]*\)[^)]*\) \(i32\.const) 0/g,
        "$1 1",
      )
  );
}

/** Calls the import with zeros. */
function calling({ params, results }: Signature, id: string): string {
  const call = `(call ${id} ${params.map((type) => `(${type}.const 0)`).join(" ")})`;
  return results.length === 0 ? call : `(drop ${call})`;
}

/** `_initialize` makes these calls, one after the other. */
function initializing(names: readonly string[]): string {
  const linked = [...linkedHere("0.2.1")].filter(([name]) => names.includes(name));
  return [
    ...linked.map(([name, signature], i) => imported(name, signature, `$f${i}`)),
    MINIMAL,
    `(func (export "_initialize") ${linked.map(([, signature], i) => calling(signature, `$f${i}`)).join("")})`,
  ].join("");
}

const ALL_CALLS = [...linkedHere("0.2.1").keys()];
const TICK = "env.proxy_set_tick_period_milliseconds";

const LOADED: Readonly<Record<string, string>> = {
  "the smallest module": MINIMAL,
  "everything in 0.1.0": everything("0.1.0"),
  "everything in 0.2.0": everything("0.2.0"),
  "everything in 0.2.1": everything("0.2.1"),
  "the other allocator": ABI_MARKER + MEMORY + exported("proxy_on_memory_allocate", "i32", "i32"),
  "an ABI marker with parameters": exported("proxy_abi_version_0_2_1", "i32") + ALLOCATOR + MEMORY,
  "a memory from Envoy": `(import "env" "memory" (memory 1))${ABI_MARKER}${ALLOCATOR}`,
  "a table from Envoy": `(import "env" "t" (table 1 funcref))${MINIMAL}`,
  "no memory and no host call": ABI_MARKER + ALLOCATOR,
  "a callback that Envoy does not know": MINIMAL + exported("proxy_on_request_header", "i64"),
  "a wrong main that is never called": MINIMAL + exported("main", "", "i32"),
  "a wrong _start beside _initialize": `${MINIMAL}${exported("_initialize", "")}${exported("_start", "i32")}`,
  "all host calls at the start that are allowed": initializing(
    ALL_CALLS.filter(isAllowedAtStart).filter((name) => !(isOlder && NOT_AT_START.test(name))),
  ),
  "a host call at the start that is never reached": `${imported(TICK, { params: ["i32"], results: ["i32"] }, "$tick")}${MINIMAL}(global $g (mut i32) (i32.const 0))
     (func (export "_initialize") (if (global.get $g) (then (drop (call $tick (i32.const 1))))))`,
};

const REFUSED: Readonly<Record<string, string>> = {
  "no ABI marker": ALLOCATOR + MEMORY,
  "an unknown ABI": marker("0.3.0") + ALLOCATOR + MEMORY,
  "an ABI marker that is not a function": `(global (export "proxy_abi_version_0_2_1") i32 (i32.const 1))${ALLOCATOR}${MEMORY}`,
  "no allocator": ABI_MARKER + MEMORY,
  "a wrong allocator before a right one":
    ABI_MARKER + MEMORY + exported("malloc", "", "i32") + exported("proxy_on_memory_allocate", "i32", "i32"),
  "Math.random": `(import "env" "seed" (func (result f64)))${MINIMAL}`,
  "a host call with another signature": `(import "env" "proxy_log" (func (param i32 i32) (result i32)))${MINIMAL}`,
  "a host call of another version": `(import "env" "proxy_clear_route_cache" (func (result i32)))${MINIMAL}`,
  "a later host call":
    imported("env.proxy_get_log_level", { params: ["i32"], results: ["i32"] }) +
    marker("0.2.0") +
    ALLOCATOR +
    MEMORY,
  "a global from Envoy": `(import "env" "g" (global i32))${MINIMAL}`,
  "request headers with two parameters": MINIMAL + exported("proxy_on_request_headers", "i32 i32", "i32"),
  "request headers without a result": MINIMAL + exported("proxy_on_request_headers", "i32 i32 i32"),
  "one result too many": MINIMAL + exported("proxy_on_log", "i32", "i32"),
  "a wrong _initialize": MINIMAL + exported("_initialize", "i32"),
  "a wrong main after _initialize": MINIMAL + exported("_initialize", "") + exported("main", "", "i32"),
  ...Object.fromEntries(
    ALL_CALLS.filter((name) => !isAllowedAtStart(name)).map((name) => [
      `${name} at the start`,
      initializing([name]),
    ]),
  ),
};

test("Envoy loads what inspect accepts, and refuses what it refuses", async () => {
  const cases = [...Object.entries(LOADED), ...Object.entries(REFUSED)];
  const modules = new Map<string, string>();
  const names = new Map<string, string>();
  for (const [i, [name, fields]] of cases.entries()) {
    modules.set(`m${i}`, await writeWat(path.join(folder, `m${i}.wasm`), fields));
    names.set(name, `m${i}`);
  }
  const loaded = await loadedByEnvoy(modules);
  const verdicts = [];
  for (const [name, id] of names) {
    const { refusals } = await inspectFile(modules.get(id) ?? "");
    verdicts.push({ name, envoy: loaded.get(id), inspect: refusals.length === 0 });
  }
  expect(verdicts.filter(({ envoy, inspect }) => envoy !== inspect)).toEqual([]);
  expect(verdicts.filter(({ envoy }) => envoy).map(({ name }) => name)).toEqual(Object.keys(LOADED));
});

describe("Envoy crashes on", () => {
  const log = imported("env.proxy_log", { params: ["i32", "i32", "i32"], results: ["i32"] }, "$log");
  const call = "(drop (call $log (i32.const 4) (i32.const 0) (i32.const 4)))";
  test.each([
    [
      "a start section that calls the host",
      `${log}${MINIMAL}(start $s) (func $s ${call})`,
      /its start section calls/,
    ],
    [
      "a host call without a memory",
      `${log}${ABI_MARKER}${ALLOCATOR}(func (export "_initialize") ${call})`,
      /exports no memory/,
    ],
    [
      "an export of a vector",
      `${MINIMAL}(func (export "x") (result v128) (v128.const i32x4 0 0 0 0))`,
      /with the type v128/,
    ],
  ])("%s", async (_name, fields, refusal) => {
    const module = await writeWat(path.join(folder, "fatal.wasm"), fields);
    expect((await inspectFile(module)).refusals).toEqual([expect.stringMatching(refusal)]);
    await expect(loadedByEnvoy(new Map([["fatal", module]]))).rejects.toThrow(/ended by SIG/);
  });
});

test("a built module with the address of its source map, and one with names, load", async () => {
  const out = path.join(folder, "built.wasm");
  await compileModule("test/probes/sdk/index.ts", out, { debug: true });
  for (const module of [out, debugModulePath(out)]) expect((await inspectFile(module)).refusals).toEqual([]);
  await using upstream = await startUpstream();
  await using envoy = await startEnvoy({
    upstreams: { upstream },
    filters: [
      { name: "release", module: out },
      { name: "debug", module: debugModulePath(out) },
    ],
  });
  expect(envoy.logs()).not.toContain("[critical][wasm]");
});
