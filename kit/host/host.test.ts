// What a test drives apart from streams: the clock, calls that it answers, queues. Also modules
// that Envoy would refuse, or that end in a trap.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compileSource } from "../../test/support/compile-source.js";
import type { HeaderList } from "../traffic.js";
import { Clock } from "./clock.js";
import { type HostedModule, loadModule } from "./load.js";

const MARKER = "export function proxy_abi_version_0_2_1(): void {}";
const MALLOC = "export function malloc(size: usize): usize { return heap.alloc(size); }";
const LOG = `
@external("env", "proxy_log")
declare function log(level: i32, at: usize, size: usize): i32;
function say(text: string): void {
  const bytes = String.UTF8.encode(text);
  log(3, changetype<usize>(bytes), bytes.byteLength);
}
`;

/** Logs what the host tells it. The number of a request's headers chooses what it does. */
const EVENTS = `
${MARKER} ${MALLOC} ${LOG}
@external("env", "proxy_set_tick_period_milliseconds") declare function tick(ms: u32): i32;
@external("env", "proxy_register_shared_queue") declare function register(name: usize, size: usize, out: usize): i32;
@external("env", "proxy_enqueue_shared_queue") declare function enqueue(queue: u32, at: usize, size: usize): i32;
@external("env", "proxy_http_call") declare function call(
  cluster: usize, size: usize, pairs: usize, pairsSize: usize, body: usize, bodySize: usize, trailers: usize,
  trailersSize: usize, timeout: u32, out: usize): i32;
@external("env", "proxy_grpc_stream") declare function stream(
  service: usize, serviceSize: usize, name: usize, nameSize: usize, method: usize, methodSize: usize, pairs: usize,
  pairsSize: usize, out: usize): i32;
@external("env", "proxy_grpc_send") declare function send(token: u32, at: usize, size: usize, end: u32): i32;
@external("env", "proxy_get_status") declare function status(code: usize, at: usize, size: usize): i32;
@external("env", "proxy_get_buffer_bytes") declare function bytes(type: i32, at: u32, n: u32, out: usize, size: usize): i32;
@external("env", "proxy_set_effective_context") declare function effective(id: u32): i32;
@external("env", "proxy_continue_stream") declare function resume(type: u32): i32;
@external("env", "proxy_done") declare function done(): i32;

const out = memory.data(24, 8);
const NAME = String.UTF8.encode("events");
const at = changetype<usize>(NAME);
const TEXTS = [":method", "GET", ":path", "/", ":authority", "a"];
let queue: u32 = 0;
let paused: u32 = 0;
let ticks = 0;
let root: u32 = 0;

function pairs(): usize {
  const block = heap.alloc(200);
  store<u32>(block, 3);
  let to = block + 28;
  for (let i = 0; i < 6; i++) {
    const text = String.UTF8.encode(TEXTS[i], true);
    store<u32>(block + 4 + i * 4, text.byteLength - 1);
    memory.copy(to, changetype<usize>(text), text.byteLength);
    to += text.byteLength;
  }
  store<u32>(out + 20, <u32>(to - block));
  return block;
}
function body(type: i32): string {
  store<u64>(out, 0);
  bytes(type, 0, 1000, out, out + 4);
  return String.UTF8.decodeUnsafe(load<usize>(out), load<u32>(out, 4));
}
function ended(): string {
  status(out + 8, out, out + 4);
  return load<u32>(out, 8).toString() + " " + String.UTF8.decodeUnsafe(load<usize>(out), load<u32>(out, 4));
}
export function proxy_on_configure(id: u32, size: u32): u32 {
  root = id;
  register(at, 6, out);
  queue = load<u32>(out);
  return 1;
}
export function proxy_on_request_headers(id: u32, count: u32, end: u32): u32 {
  paused = id;
  if (count == 1) tick(10);
  if (count == 2) call(at, 6, pairs(), load<u32>(out, 20), 0, 0, 0, 0, 50, out);
  if (count == 3) { stream(at, 6, at, 6, at, 6, 0, 0, out); send(load<u32>(out), at, 6, 0); }
  if (count == 4) unreachable();
  if (count == 5) { enqueue(queue, at, 6); say("enqueued"); }
  return 1;
}
export function proxy_on_tick(id: u32): void {
  say("tick");
  if (++ticks < 3) return;
  tick(0);
  effective(paused);
  resume(0);
}
export function proxy_on_queue_ready(id: u32, token: u32): void {
  say(token == queue ? "ready" : "not mine");
  effective(paused);
  resume(0);
}
export function proxy_on_http_call_response(id: u32, token: u32, headers: u32, size: u32, trailers: u32): void {
  say("answer " + headers.toString() + " " + size.toString() + " " + trailers.toString() + " " + body(4));
  say("status " + ended());
}
export function proxy_on_grpc_receive(id: u32, token: u32, size: u32): void { say("message " + body(5)); }
export function proxy_on_grpc_receive_initial_metadata(id: u32, token: u32, n: u32): void { say("initial " + n.toString()); }
export function proxy_on_grpc_receive_trailing_metadata(id: u32, token: u32, n: u32): void { say("trailing " + n.toString()); }
export function proxy_on_grpc_close(id: u32, token: u32, code: u32): void { say("closed " + code.toString() + ": " + ended()); }
export function proxy_on_done(id: u32): u32 { say(id == root ? "root done" : "done"); return id == root ? 0 : 1; }
export function proxy_on_foreign_function(id: u32, fn: u32, size: u32): void { say("foreign " + body(8)); done(); }
export function proxy_on_delete(id: u32): void { say(id == root ? "root gone" : "gone"); }
`;

let folder: string;
let events: string;
let module: HostedModule;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-host-"));
  events = await compiled("events", EVENTS);
});

beforeEach(() => {
  module = loadModule(events);
  module.configure("");
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function compiled(name: string, source: string): Promise<string> {
  const file = path.join(folder, `${name}.wasm`);
  await compileSource(source, file);
  return file;
}

/** This many headers. */
function headers(count: number): HeaderList {
  return Array.from({ length: count }, (_, i) => [`x-${i}`, "1"] as const);
}

const said = () => module.logs.map((line) => line.text);

describe("events", () => {
  test("ticks come at their times without real time passing, and can continue a paused stream", () => {
    const stream = module.open(headers(1));
    module.advance(29);
    expect(said()).toEqual(["tick", "tick"]);
    expect(stream.isRequestPaused).toBe(true);
    stream.requestBody("held", true);
    module.advance(1_000_000);
    expect(said()).toEqual(["tick", "tick", "tick"]);
    expect([stream.upstream.text, stream.upstream.isWhole]).toEqual(["held", true]);
  });

  test("an HTTP call is answered once, with headers, body and trailers", () => {
    module.open(headers(2));
    const [call] = module.httpCalls;
    expect(call).toMatchObject({ cluster: "events", timeoutMs: 50 });
    expect(call?.headers).toEqual([
      [":method", "GET"],
      [":path", "/"],
      [":authority", "a"],
    ]);
    call?.respond({ headers: [[":status", "200"]], body: "yes", trailers: headers(2) });
    call?.fail();
    module.advance(1_000);
    expect(said()).toEqual(["answer 1 3 2 yes", "status 0 "]);
    expect(module.httpCalls).toEqual([]);
  });

  test("an HTTP call that fails has no headers, and one that is not answered becomes a 504", () => {
    module.open(headers(2));
    module.httpCalls[0]?.fail();
    expect(said()).toEqual(["answer 0 0 0 ", "status 11 reset"]);
    module.open(headers(2));
    module.advance(50);
    expect(said()[2]).toBe("answer 3 24 0 upstream request timeout");
  });

  test("a gRPC stream gets metadata, messages and an end with a status", () => {
    module.open(headers(3));
    const [call] = module.grpcCalls;
    expect(call?.messages.map(String)).toEqual(["events"]);
    call?.sendInitialMetadata(headers(2));
    call?.sendMessage("hello");
    call?.sendTrailingMetadata(headers(1));
    call?.close(7, "no");
    expect(said()).toEqual(["initial 2", "message hello", "trailing 1", "closed 7: 7 no"]);
  });

  test("a queue's entry is announced after the callback that made it", () => {
    const stream = module.open(headers(5), { endOfStream: true });
    expect(said()).toEqual(["enqueued", "ready"]);
    expect(stream.upstream.isWhole).toBe(true);
  });

  test("a plugin that is replaced ends with its last stream, and may take its time", () => {
    const stream = module.open(headers(6));
    module.end();
    expect(said()).toEqual([]);
    stream.close();
    expect(said()).toEqual(["done", "gone", "root done"]);
  });

  test("a plugin without streams ends at once, and when it says so", () => {
    module.callForeign(1, "early");
    expect(said()).toEqual(["foreign early"]);
    module.end();
    expect(said()).toEqual(["foreign early", "root done"]);
  });

  test("a trap reaches the test, and ends the VM", () => {
    expect(() => module.open(headers(4))).toThrow("unreachable");
    expect(() => module.open(headers(1))).toThrow("the VM has ended in a trap");
  });
});

describe("a module", () => {
  test.each([
    ["without a marker of its ABI", MALLOC, /no ABI marker/],
    ["without an allocator", MARKER, /no malloc/],
    [
      "that imports what Envoy does not link",
      `${MARKER} ${MALLOC} @external("env", "seed") declare function seed(): f64; export function x(): f64 { return seed(); }`,
      /seed/,
    ],
    [
      "that calls the host before it is started",
      `${MARKER} ${MALLOC} @external("env", "proxy_done") declare function done(): i32;
       export function _initialize(): void { done(); }`,
      /proxy_done is not allowed here/,
    ],
  ])("%s is refused", async (name, source, message) => {
    const file = await compiled(name.replaceAll(" ", "-"), source);
    expect(() => loadModule(file)).toThrow(message);
  });

  test("of ABI 0.1.0, with the old allocator and a start function, runs: a missing header is an empty one", async () => {
    const file = await compiled(
      "old",
      `${LOG}
       @external("env", "proxy_get_header_map_value")
       declare function get(map: i32, name: usize, size: usize, out: usize, outSize: usize): i32;
       export function proxy_abi_version_0_1_0(): void {}
       export function proxy_on_memory_allocate(size: usize): usize { return heap.alloc(size); }
       const out = memory.data(8);
       export function _start(): void { say("started"); }
       export function proxy_on_request_headers(id: u32, count: u32): u32 {
         say("missing: " + get(0, out, 4, out, out + 4).toString());
         return 0;
       }`,
    );
    const old = loadModule(file);
    old.configure("");
    old.exchange(headers(1));
    expect(old.logs.map((line) => line.text)).toEqual(["started", "missing: 0"]);
  });
});

test("a clock rings in order of time, then of setting, and not for cancelled alarms", () => {
  const clock = new Clock();
  const rung: string[] = [];
  const ring = (name: string) => () => {
    rung.push(`${name} ${clock.elapsedMs}`);
  };
  clock.after(5, ring("b"));
  clock.after(3, ring("a"));
  clock.after(5, ring("c"));
  clock.after(4, ring("never")).cancel();
  clock.after(9, ring("late"));
  clock.after(2, () => clock.after(1, ring("nested")));
  clock.advance(8);
  expect(rung).toEqual(["a 3", "nested 3", "b 5", "c 5"]);
  expect(clock.elapsedMs).toBe(8);
});
