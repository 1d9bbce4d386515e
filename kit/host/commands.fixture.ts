// A module for tests of the whole proxy. It logs every callback with the plugin for which it was
// called, and follows the request's `x-do` header, which tells a plugin what to do in a callback:
// `PLUGIN@CALLBACK=WHAT`, separated by commas. A plugin's name is its configuration.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { compileSource } from "../../test/support/compile-source.js";
import type { HeaderList } from "../traffic.js";

const SOURCE = `
@external("env", "proxy_log") declare function log(level: i32, at: usize, size: usize): i32;
@external("env", "proxy_get_buffer_bytes")
declare function bytes(type: i32, at: u32, n: u32, out: usize, size: usize): i32;
@external("env", "proxy_get_header_map_value")
declare function get(map: i32, name: usize, size: usize, out: usize, outSize: usize): i32;
@external("env", "proxy_set_buffer_bytes")
declare function put_body(type: i32, at: u32, n: u32, data: usize, size: usize): i32;
@external("env", "proxy_add_header_map_value")
declare function put(map: i32, name: usize, size: usize, value: usize, valueSize: usize): i32;
@external("env", "proxy_send_local_response") declare function reply(
  status: u32, details: usize, size: usize, body: usize, bodySize: usize, pairs: usize, pairsSize: usize, grpc: i32): i32;
@external("env", "proxy_set_tick_period_milliseconds") declare function tick(ms: u32): i32;
@external("env", "proxy_continue_stream") declare function resume(type: u32): i32;
@external("env", "proxy_close_stream") declare function close(type: u32): i32;
@external("env", "proxy_set_effective_context") declare function effective(id: u32): i32;
@external("env", "proxy_set_shared_data") declare function share(key: usize, size: usize, value: usize, n: usize, cas: u32): i32;
@external("env", "proxy_get_shared_data") declare function shared(key: usize, size: usize, out: usize, n: usize, cas: usize): i32;
@external("env", "proxy_define_metric") declare function metric(type: u32, name: usize, size: usize, out: usize): i32;
@external("env", "proxy_increment_metric") declare function count(id: u32, by: i64): i32;
@external("env", "proxy_get_property") declare function property(path: usize, size: usize, out: usize, outSize: usize): i32;
@external("env", "proxy_http_call") declare function call(
  cluster: usize, size: usize, pairs: usize, pairsSize: usize, body: usize, bodySize: usize, trailers: usize,
  trailersSize: usize, timeout: u32, out: usize): i32;
@external("env", "proxy_grpc_call") declare function grpc(
  service: usize, serviceSize: usize, name: usize, nameSize: usize, method: usize, methodSize: usize, pairs: usize,
  pairsSize: usize, body: usize, bodySize: usize, timeout: u32, out: usize): i32;
@external("env", "proxy_get_status") declare function status(code: usize, at: usize, size: usize): i32;
@external("wasi_snapshot_preview1", "random_get") declare function random(at: usize, size: usize): i32;

const out = memory.data(32, 8);
const names = new Map<u32, string>();
const roots = new Map<u32, u32>();
const commands = new Map<u32, string>();
let paused: u32 = 0;
let waiting: u32 = 0;
let counter: u32 = 0;

function utf8(text: string): ArrayBuffer { return String.UTF8.encode(text); }
function at(text: ArrayBuffer): usize { return changetype<usize>(text); }
function given(): string { return String.UTF8.decodeUnsafe(load<usize>(out), load<u32>(out, 4)); }
function say(text: string): void { const line = utf8(text); log(2, at(line), line.byteLength); }
function header(map: i32, name: string): string {
  const key = utf8(name);
  return get(map, at(key), key.byteLength, out, out + 4) == 0 ? given() : "";
}
function add(map: i32, name: string, value: string): void {
  const key = utf8(name); const text = utf8(value);
  put(map, at(key), key.byteLength, at(text), text.byteLength);
}
function body(type: i32): string { store<u64>(out, 0); bytes(type, 0, 1000, out, out + 4); return given(); }
function rootOf(id: u32): u32 { return roots.has(id) ? roots.get(id) : id; }
function nameOf(id: u32): string { const root = rootOf(id); return names.has(root) ? names.get(root) : "?"; }
function pairs(): usize {
  const texts = [":method", "GET", ":path", "/check", ":authority", "a"];
  const block = heap.alloc(200);
  store<u32>(block, 3);
  let to = block + 28;
  for (let i = 0; i < 6; i++) {
    const text = String.UTF8.encode(texts[i], true);
    store<u32>(block + 4 + i * 4, text.byteLength - 1);
    memory.copy(to, at(text), text.byteLength);
    to += text.byteLength;
  }
  store<u32>(out + 20, <u32>(to - block));
  return block;
}

function act(id: u32, callback: string): i32 {
  if (!commands.has(id)) return 0;
  const list = commands.get(id).split(",");
  for (let i = 0; i < list.length; i++) {
    const parts = list[i].split("=");
    if (parts[0] == nameOf(id) + "@" + callback) return run(id, parts[1]);
  }
  return 0;
}
function run(id: u32, what: string): i32 {
  const name = utf8(nameOf(id));
  const empty = utf8("");
  if (what == "trap") unreachable();
  if (what.startsWith("reply")) {
    const text = utf8("from " + nameOf(id)); const details = utf8("no way");
    reply(<u32>parseInt(what.substr(5)), at(details), details.byteLength, at(text), text.byteLength, 0, 0, -1);
  }
  if (what == "close") close(0);
  if (what.startsWith("stop")) { paused = id; return <i32>parseInt(what.substr(4)); }
  if (what.startsWith("set:")) { const pair = what.split(":"); add(0, pair[1], pair[2]); }
  if (what.startsWith("answer:")) { const pair = what.split(":"); add(2, pair[1], pair[2]); }
  if (what == "vm") say("vm " + body(6));
  if (what.startsWith("body")) { const text = utf8(what.substr(6)); put_body(<i32>parseInt(what.substr(4, 1)), 0, 100000, at(text), text.byteLength); }
  if (what == "share") {
    say("shared " + (shared(at(name), name.byteLength, out, out + 4, out + 8) == 0 ? given() : "nothing"));
    share(at(name), name.byteLength, at(name), name.byteLength, 0);
  }
  if (what == "count") count(counter, 1);
  if (what == "random") { random(out, 4); say("random " + load<u32>(out).toString()); }
  if (what.startsWith("read:")) { const path = utf8(what.substr(5).replaceAll("~", String.fromCharCode(0))); say(property(at(path), path.byteLength, out, out + 4) == 0 ? given() : "none"); }
  if (what == "call") {
    const cluster = utf8("service"); waiting = id;
    say("called " + call(at(cluster), cluster.byteLength, pairs(), load<u32>(out, 20), 0, 0, 0, 0, 100, out).toString());
    return 1;
  }
  if (what == "grpc") {
    const cluster = utf8("service"); const service = utf8("test.Echo"); const method = utf8("Say"); waiting = id;
    say("called " + grpc(at(cluster), cluster.byteLength, at(service), service.byteLength, at(method), method.byteLength, 0, 0,
      at(name), name.byteLength, 100, out).toString());
    return 1;
  }
  return 0;
}
function answered(text: string): void {
  say(text);
  if (waiting != 0) { effective(waiting); waiting = 0; resume(0); }
}

export function proxy_abi_version_0_2_1(): void {}
export function malloc(size: usize): usize { return heap.alloc(size); }
export function proxy_on_context_create(id: u32, root: u32): void { if (root != 0) roots.set(id, root); }
export function proxy_on_configure(id: u32, size: u32): u32 {
  names.set(id, body(7).replaceAll('"', ""));
  const name = nameOf(id); const key = utf8("requests");
  metric(0, at(key), key.byteLength, out);
  counter = load<u32>(out);
  say("configure " + name);
  if (name == "trapping") unreachable();
  if (name == "refusing") { const why = utf8("not like this"); log(4, at(why), why.byteLength); return 0; }
  if (name.startsWith("tick")) tick(40);
  return 1;
}
export function proxy_on_tick(id: u32): void {
  say("tick " + nameOf(id));
  if (nameOf(id) == "tick-trap") unreachable();
  if (paused != 0) { effective(paused); paused = 0; resume(0); }
}
export function proxy_on_http_call_response(id: u32, token: u32, headers: u32, size: u32, trailers: u32): void {
  answered("answer " + headers.toString() + " " + header(6, ":status") + " " + body(4));
}
export function proxy_on_grpc_receive(id: u32, token: u32, size: u32): void { answered("message " + body(5)); }
export function proxy_on_grpc_close(id: u32, token: u32, code: u32): void {
  status(out + 8, out, out + 4);
  answered("closed " + code.toString() + " " + given());
}
export function proxy_on_request_headers(id: u32, n: u32, end: u32): i32 {
  commands.set(id, header(0, "x-do"));
  return act(id, "request_headers");
}
export function proxy_on_request_body(id: u32, n: u32, end: u32): i32 { return act(id, end ? "request_end" : "request_body"); }
export function proxy_on_response_headers(id: u32, n: u32, end: u32): i32 { return act(id, "response_headers"); }
export function proxy_on_response_body(id: u32, n: u32, end: u32): i32 { return act(id, end ? "response_end" : "response_body"); }
export function proxy_on_log(id: u32): void { act(id, "log"); }
export function proxy_on_done(id: u32): u32 { if (!roots.has(id)) say("done " + nameOf(id)); return 1; }
export function proxy_on_delete(id: u32): void { act(id, "delete"); }
`;

/** The module in a folder of its own. Disposing of it removes the folder. */
export interface Commands extends AsyncDisposable {
  readonly module: string;
}

export async function buildCommands(): Promise<Commands> {
  const folder = await mkdtemp(path.join(tmpdir(), "meshwright-commands-"));
  const module = path.join(folder, "commands.wasm");
  await compileSource(SOURCE, module);
  return { module, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** The header that tells the plugins what to do. */
export function doing(commands: string): { headers: HeaderList } {
  return { headers: [["x-do", commands]] };
}
