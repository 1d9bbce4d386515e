// A network filter in process: what a test may drive, and the errors when it drives too far.
// test/integration/kit/network-agreement.test.ts compares the filter's behaviour with stock Envoy.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileSource } from "../../test/support/compile-source.js";
import { type HostedModule, loadModule } from "./load.js";

/** Holds every new connection until its tick, and logs one of its properties. */
const HOLDS = `
@external("env", "proxy_set_tick_period_milliseconds") declare function tick(ms: u32): i32;
@external("env", "proxy_set_effective_context") declare function effective(id: u32): i32;
@external("env", "proxy_continue_stream") declare function resume(type: u32): i32;
@external("env", "proxy_close_stream") declare function close(type: u32): i32;
@external("env", "proxy_get_property") declare function get(at: usize, size: usize, out: usize, outSize: usize): i32;
@external("env", "proxy_set_property") declare function set(at: usize, size: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_log") declare function log(level: i32, at: usize, size: usize): i32;

const out = memory.data(8, 4);
const OWN = String.UTF8.encode("own");
let connection: u32 = 0;

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_configure(id: u32, size: u32): u32 { tick(10); return 1; }
export function proxy_on_tick(id: u32): void { if (connection != 0 && effective(connection) == 0) resume(2); }
export function proxy_on_new_connection(id: u32): u32 {
  connection = id;
  const name = String.UTF8.encode("source\\0address");
  if (get(changetype<usize>(name), name.byteLength, out, out + 4) == 0) {
    set(changetype<usize>(OWN), OWN.byteLength, load<usize>(out), load<u32>(out, 4));
    get(changetype<usize>(OWN), OWN.byteLength, out, out + 4);
    log(2, load<usize>(out), load<u32>(out, 4));
  }
  return 1;
}
export function proxy_on_upstream_data(id: u32, size: u32, end: u32): u32 { close(3); return 0; }
`;

let folder: string;
let file: string;
let module: HostedModule;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-tcp-"));
  file = path.join(folder, "holds.wasm");
  await compileSource(HOLDS, file);
});

beforeEach(() => {
  module = loadModule(file);
  module.configure("");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a connection that the filter holds", () => {
  test("has no upstream until it goes on, and loses no bytes meanwhile", () => {
    const stream = module.connect();
    stream.clientSends("early ");
    stream.clientSends(Buffer.from([0xff]));
    // A filter without a callback for bytes lets them pass.
    expect(stream.isConnected).toBe(true);
    expect(stream.upstream.chunks.map((chunk) => chunk.toString("latin1"))).toEqual(["early ", "\u00ff"]);
  });

  test("goes on from a tick", () => {
    const stream = module.connect();
    expect(stream.isConnected).toBe(false);
    expect(() => stream.upstreamSends("x")).toThrow(
      /^the filter holds the connection, so that there is no upst/,
    );
    module.advance(10);
    expect(stream.isConnected).toBe(true);
  });

  test("reads the properties that the test gave it, and its own", () => {
    module.connect({ properties: { "source.address": "10.0.0.1:99" } });
    expect(module.logs.map(({ text }) => text)).toEqual(["10.0.0.1:99"]);
  });
});

describe("a connection after its end", () => {
  test("says that the client has ended", () => {
    const stream = module.connect();
    stream.clientSends("", true);
    expect(() => stream.clientSends("more")).toThrow(/^the client has ended this connection/);
  });

  test("says that it is closed, whoever closed it", () => {
    const closed = [module.connect(), module.connect(), module.connect()];
    module.advance(10);
    closed[0]?.clientResets();
    closed[1]?.upstreamResets();
    closed[2]?.upstreamSends("the filter closes on this");
    for (const stream of closed) {
      expect(stream.isClosed).toBe(true);
      expect(() => stream.clientSends("more")).toThrow(
        /^the connection is closed: open another with connect/,
      );
      expect(() => stream.upstreamSends("more")).toThrow(/^the connection is closed/);
      stream.clientResets();
      stream.upstreamResets();
    }
  });

  test("does nothing for no bytes", () => {
    const stream = module.connect();
    stream.clientSends("");
    expect(stream.isConnected).toBe(false);
    expect(stream.upstream).toMatchObject({ chunks: [], text: "", isWhole: false });
  });

  test("needs a plugin that was configured", () => {
    expect(() => loadModule(file).connect()).toThrow(/no plugin was configured/);
    expect(() => module.connect({ plugin: "other" })).toThrow();
  });
});
