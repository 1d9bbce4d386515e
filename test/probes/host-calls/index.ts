// A module of bare host calls for the test that holds the in-process host against stock Envoy: `x-do` on the request names a group of calls, and
// each call's status, with what it gave, is a line of the log. It uses nothing of the SDK but the numbers and the allocator.

import {
  proxy_add_header_map_value,
  proxy_call_foreign_function,
  proxy_close_stream,
  proxy_continue_stream,
  proxy_define_metric,
  proxy_dequeue_shared_queue,
  proxy_done,
  proxy_enqueue_shared_queue,
  proxy_get_buffer_bytes,
  proxy_get_buffer_status,
  proxy_get_header_map_pairs,
  proxy_get_header_map_size,
  proxy_get_header_map_value,
  proxy_get_metric,
  proxy_get_property,
  proxy_get_shared_data,
  proxy_get_status,
  proxy_grpc_cancel,
  proxy_grpc_close,
  proxy_grpc_send,
  proxy_http_call,
  proxy_increment_metric,
  proxy_log,
  proxy_record_metric,
  proxy_register_shared_queue,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_resolve_shared_queue,
  proxy_send_local_response,
  proxy_set_effective_context,
  proxy_set_property,
  proxy_set_shared_data,
} from "@solo-io/proxy-runtime/assembly/imports";
import "../../../assembly/abi/abort";
import { proxy_set_buffer_bytes } from "../../../assembly/abi/env";
import { clock_time_get, random_get } from "../../../assembly/abi/wasi_snapshot_preview1";
import { encodePairs } from "../../../assembly/host/header-pairs";
import { Bytes } from "../../../assembly/text/bytes";

const WARN: u32 = 3;
const OUTSIDE: usize = 0x7fff0000;
const out = memory.data(24, 8);
const OUT2 = out + 4;
const WORD = out + 8;
const LONG = out + 16;

let rootId: u32 = 0;
let plain: string = "";

export function proxy_abi_version_0_2_1(): void {}

export function malloc(size: usize): usize {
  return heap.alloc(size);
}

function say(text: string): void {
  const line = Bytes.of("probe> " + text);
  proxy_log(WARN, line.ptr, line.size);
}

function status(label: string, result: u32): void {
  say(label + ": " + result.toString());
}

/** A call that writes an address and a size. */
function gives(label: string, result: u32): void {
  const size = load<i32>(OUT2);
  const value = size > 0 && size < 200 ? String.UTF8.decodeUnsafe(load<usize>(out), size) : size.toString();
  say(label + ": " + result.toString() + " " + value);
  store<u64>(out, 0);
}

function header(map: u32, name: string): void {
  const key = Bytes.of(name);
  gives(`header ${map} ${name}`, proxy_get_header_map_value(map, key.ptr, key.size, out, OUT2));
}

function edits(map: u32): void {
  const name = Bytes.of("X-Edited");
  const value = Bytes.of("1");
  status(`add ${map}`, proxy_add_header_map_value(map, name.ptr, name.size, value.ptr, value.size));
  status(`replace ${map}`, proxy_replace_header_map_value(map, name.ptr, name.size, value.ptr, value.size));
  header(map, "x-edited");
  status(`remove ${map}`, proxy_remove_header_map_value(map, name.ptr, name.size));
  header(map, "x-edited");
}

function headers(): void {
  header(0, "x-missing");
  header(0, "x-twice");
  header(0, "X-Twice");
  header(0, "x-empty");
  header(0, ":path");
  for (let map: u32 = 1; map < 9; map++) {
    header(map, "x-missing");
    gives(`pairs ${map}`, proxy_get_header_map_pairs(map, out, OUT2));
    status(`size ${map}`, proxy_get_header_map_size(map, WORD));
  }
  for (let map: u32 = 0; map < 9; map++) edits(map);
  const name = Bytes.of("x-twice");
  const value = Bytes.of("c");
  status("replace twice", proxy_replace_header_map_value(0, name.ptr, name.size, value.ptr, value.size));
  header(0, "x-twice");
  status("outside", proxy_get_header_map_value(0, OUTSIDE, 4, out, OUT2));
}

function buffers(when: string): void {
  const text = Bytes.of("ab");
  for (let type: u32 = 0; type < 10; type++) {
    gives(`${when} bytes ${type}`, proxy_get_buffer_bytes(type, 0, 1000, out, OUT2));
    status(`${when} status ${type}`, proxy_get_buffer_status(type, WORD, OUT2));
    store<u64>(out, 0);
  }
  for (let type: u32 = 0; type < 10; type++) {
    status(`${when} set ${type}`, proxy_set_buffer_bytes(type, 1, 1, text.ptr, text.size));
  }
}

function metric(type: u32, name: string): u32 {
  const bytes = Bytes.of(name);
  store<u32>(WORD, 0);
  status(`define ${name}`, proxy_define_metric(type, bytes.ptr, bytes.size, WORD));
  return load<u32>(WORD);
}

function uses(name: string, id: u32): void {
  status(`${name} +5`, proxy_increment_metric(id, 5));
  status(`${name} +0`, proxy_increment_metric(id, 0));
  status(`${name} -2`, proxy_increment_metric(id, -2));
  status(`${name} record`, proxy_record_metric(id, 7));
  store<u64>(LONG, 0);
  const got = proxy_get_metric(id, LONG);
  say(`${name} get: ${got} ${load<u64>(LONG)}`);
}

function metrics(): void {
  const counter = metric(0, "host_calls_counter");
  uses("counter", counter);
  uses("gauge", metric(1, "host_calls_gauge"));
  uses("histogram", metric(2, "host_calls_histogram"));
  const again = metric(0, "host_calls_counter");
  say(again == counter ? "the same id" : "another id");
  uses("again", again);
  metric(3, "host_calls_none");
  uses("none", 4_000);
  uses("none of a gauge", 4_001);
  uses("none of a histogram", 4_002);
  uses("none of any type", 4_003);
}

function setShared(label: string, key: Bytes, cas: u32): void {
  status(label, proxy_set_shared_data(key.ptr, key.size, key.ptr, key.size, cas));
}

function shared(): void {
  const key = Bytes.of("host-calls");
  gives("data missing", proxy_get_shared_data(key.ptr, key.size, out, OUT2, WORD));
  setShared("data set with a cas that nobody knows", key, 77);
  gives("data", proxy_get_shared_data(key.ptr, key.size, out, OUT2, WORD));
  const cas = load<u32>(WORD);
  setShared("data with the wrong cas", key, cas + 1000);
  setShared("data with the cas", key, cas);
  setShared("data with the old cas", key, cas);
  setShared("data without a cas", key, 0);
  const name = Bytes.of("host-calls-queue");
  status("queue missing", proxy_resolve_shared_queue(0, 0, name.ptr, name.size, WORD));
  status("queue register", proxy_register_shared_queue(name.ptr, name.size, WORD));
  const queue = load<u32>(WORD);
  gives("queue empty", proxy_dequeue_shared_queue(queue, out, OUT2));
  status("queue in", proxy_enqueue_shared_queue(queue, key.ptr, key.size));
  gives("queue out", proxy_dequeue_shared_queue(queue, out, OUT2));
  status("queue resolve", proxy_resolve_shared_queue(0, 0, name.ptr, name.size, WORD));
  say(load<u32>(WORD) == queue ? "the same queue" : "another queue");
  status("queue in none", proxy_enqueue_shared_queue(7_777, key.ptr, key.size));
  gives("queue out of none", proxy_dequeue_shared_queue(7_777, out, OUT2));
}

function property(path: string): void {
  const bytes = Bytes.of(path);
  gives("property " + path, proxy_get_property(bytes.ptr, bytes.size, out, OUT2));
}

function properties(): void {
  const path = Bytes.of("host_calls");
  const value = Bytes.of("set");
  property("plugin_name");
  property("plugin_root_id");
  property("host_calls");
  status("set property", proxy_set_property(path.ptr, path.size, value.ptr, value.size));
  property("host_calls");
  property("no.such");
  property("");
  status("property outside", proxy_get_property(OUTSIDE, 4, out, OUT2));
  status("effective root", proxy_set_effective_context(rootId));
  status("set property of a root", proxy_set_property(path.ptr, path.size, value.ptr, value.size));
  property("host_calls");
  property("plugin_name");
  header(0, ":path");
  edits(0);
  status("effective none", proxy_set_effective_context(123_456));
}

function call(label: string, cluster: string, headers: Bytes, timeoutMs: u32): void {
  const name = Bytes.of(cluster);
  const result = proxy_http_call(name.ptr, name.size, headers.ptr, headers.size, 0, 0, 0, 0, timeoutMs, WORD);
  status(label, result);
}

function calls(): void {
  const method = Bytes.of(":method");
  const path = Bytes.of(":path");
  const host = Bytes.of(":authority");
  const value = Bytes.of("/");
  const good = encodePairs([method, value, path, value, host, value]);
  call("call nobody", "nobody", good, 100);
  call("call without a path", "upstream", encodePairs([method, value, host, value]), 100);
  call("call with a negative timeout", "upstream", good, 0xffffffff);
  call("call with damaged headers", "upstream", method, 100);
  for (let token: u32 = 4_000; token < 4_004; token++) {
    status(`cancel ${token}`, proxy_grpc_cancel(token));
    status(`close ${token}`, proxy_grpc_close(token));
    status(`send ${token}`, proxy_grpc_send(token, 0, 0, 1));
  }
  const name = Bytes.of("no_such_function");
  gives("foreign", proxy_call_foreign_function(name.ptr, name.size, 0, 0, out, OUT2));
  gives("get status", proxy_get_status(WORD, out, OUT2));
}

function system(): void {
  status("continue 9", proxy_continue_stream(9));
  status("continue upstream", proxy_continue_stream(3));
  status("continue downstream", proxy_continue_stream(2));
  status("close 9", proxy_close_stream(9));
  status("close downstream", proxy_close_stream(2));
  status("done", proxy_done());
  status("log level 9", proxy_log(9, 0, 0));
  status("log outside", proxy_log(WARN, OUTSIDE, 4));
  status("random", random_get(WORD, 4));
  status("random, too much", random_get(WORD, 70_000));
  status("random outside", random_get(OUTSIDE, 4));
  status("clock 0", clock_time_get(0, 0, LONG));
  status("clock 1", clock_time_get(1, 0, LONG));
  status("clock 5", clock_time_get(5, 0, LONG));
  status("clock outside", clock_time_get(0, 0, OUTSIDE));
}

function reply(): void {
  const details = Bytes.of("host calls\tsaid no");
  const body = Bytes.of("no");
  const extra = encodePairs([Bytes.of("X-Extra"), Bytes.of("1")]);
  status(
    "reply",
    proxy_send_local_response(418, details.ptr, details.size, body.ptr, body.size, extra.ptr, extra.size, -1),
  );
  header(0, ":path");
}

export function proxy_on_context_create(id: u32, parentId: u32): void {
  if (parentId == 0) rootId = id;
}

export function proxy_on_request_headers(id: u32, count: u32, endOfStream: u32): u32 {
  const name = Bytes.of("x-do");
  plain = "";
  if (proxy_get_header_map_value(0, name.ptr, name.size, out, OUT2) != 0) return 0;
  plain = String.UTF8.decodeUnsafe(load<usize>(out), load<i32>(OUT2));
  store<u64>(out, 0);
  if (plain == "headers") headers();
  if (plain == "buffers") buffers("request headers");
  if (plain == "metrics") metrics();
  if (plain == "shared") shared();
  if (plain == "properties") properties();
  if (plain == "calls") calls();
  if (plain == "system") system();
  if (plain == "reply" || plain == "reply-and-continue") reply();
  say(`request headers ${endOfStream}`);
  return plain == "reply" ? 1 : 0;
}

export function proxy_on_request_body(id: u32, size: u32, endOfStream: u32): u32 {
  if (plain == "") return 0;
  if (endOfStream != 0) say("request body ends");
  if (endOfStream != 0 && plain == "buffers") buffers("request body");
  if (endOfStream != 0 && plain == "body-reply") reply();
  if (endOfStream == 0) return 1;
  header(0, ":path");
  return plain == "body-reply" ? 1 : 0;
}

export function proxy_on_response_headers(id: u32, count: u32, endOfStream: u32): u32 {
  if (plain == "") return 0;
  say(`response headers ${endOfStream}`);
  header(2, ":status");
  header(2, "x-extra");
  header(2, "content-type");
  header(2, "content-length");
  header(0, ":path");
  if (plain == "response-headers") {
    for (let map: u32 = 0; map < 9; map++) edits(map);
    buffers("response headers");
  }
  if (plain == "response-reply") reply();
  return 0;
}

export function proxy_on_response_body(id: u32, size: u32, endOfStream: u32): u32 {
  if (plain == "") return 0;
  if (endOfStream == 0) return 1;
  say(`response body ends ${size}`);
  if (plain == "buffers") buffers("response body");
  return 0;
}

export function proxy_on_log(id: u32): void {
  if (plain == "") return;
  say("log");
  header(0, ":path");
  header(1, "x-missing");
  header(2, ":status");
  header(3, "x-missing");
  edits(0);
  edits(2);
}

export function proxy_on_done(id: u32): u32 {
  if (plain != "") say("done");
  if (plain != "") header(0, ":path");
  return 1;
}

export function proxy_on_delete(id: u32): void {
  if (plain != "") say("delete");
}
