// Performs the steps of a plan. Each step is one host call, and its status and result become a line
// of the log.

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
  proxy_get_current_time_nanoseconds,
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
  proxy_set_header_map_pairs,
  proxy_set_property,
  proxy_set_shared_data,
  proxy_set_tick_period_milliseconds,
} from "@solo-io/proxy-runtime/assembly/imports";
import {
  proxy_get_log_level,
  proxy_grpc_call,
  proxy_grpc_stream,
  proxy_set_buffer_bytes,
} from "../../../assembly/abi/env";
import { clock_time_get, random_get } from "../../../assembly/abi/wasi_snapshot_preview1";
import { Bytes } from "../../../assembly/text/bytes";
import { bytesOf, OUTSIDE, pairsOf, shown, shownPairs } from "./words";

const WARN: u32 = 3;
const block = memory.data(24, 8);

/** A step's words, and the address for its results. */
let words: string[] = [];
let outPtr: usize = block;
let outSize: usize = block + 4;
let outWord: usize = block + 8;
let outLong: usize = block + 16;

/**
 * Results of host calls that later steps name: metrics and queues, of which `$0` in a plan is the
 * first, and tokens of calls, of which `#0` is the first.
 */
let ids: u32[] = [];
let tokens: u32[] = [];

/** The plugin that writes into the log. */
let speaker: string = "";

/** Makes the following steps those of this plugin. */
export function speakAs(name: string, keptIds: u32[], keptTokens: u32[]): void {
  speaker = name;
  ids = keptIds;
  tokens = keptTokens;
}

export function say(text: string): void {
  const line = String.UTF8.encode("» " + speaker + " " + text);
  proxy_log(WARN, changetype<usize>(line), line.byteLength);
}

function bytes(index: i32): Bytes {
  return bytesOf(index < words.length ? words[index] : "~");
}

function pairs(index: i32): Bytes {
  return pairsOf(index < words.length ? words[index] : "~");
}

function long(index: i32): i64 {
  if (index >= words.length) return 0;
  const word = words[index];
  const isToken = word.startsWith("#");
  if (!isToken && !word.startsWith("$")) return I64.parseInt(word, 10);
  const kept = isToken ? tokens : ids;
  const at = <i32>parseInt(word.substring(1), 10);
  return at < kept.length ? kept[at] : 0;
}

function word(index: i32): u32 {
  return <u32>long(index);
}

function named(result: u32): string {
  return words.slice(0, 3).join(" ") + " -> " + result.toString();
}

function status(result: u32): void {
  say(named(result));
}

/** For a call that writes an address and a size. */
function value(result: u32): void {
  if (outPtr == OUTSIDE || result != 0) {
    status(result);
    return;
  }
  say(named(result) + " " + shown(load<usize>(outPtr), load<i32>(outSize)));
}

/** For a call that writes a number which differs between proxies. The plan keeps it. */
function id(result: u32, kept: u32[] = ids): void {
  status(result);
  if (result == 0 && outWord != OUTSIDE) kept.push(load<u32>(outWord));
}

function clearOut(): void {
  const outside = words.length > 0 && words[words.length - 1] == ">!";
  outPtr = outside ? OUTSIDE : block;
  outSize = outside ? OUTSIDE : block + 4;
  outWord = outside ? OUTSIDE : block + 8;
  outLong = outside ? OUTSIDE : block + 16;
  if (outside) words.pop();
  memory.fill(block, 0, 24);
}

/** Makes one host call. Returns false for an unknown step. */
export function perform(step: string): bool {
  words = step.split(" ");
  clearOut();
  const verb = words[0];
  return headers(verb) || bodies(verb) || services(verb) || control(verb) || calls(verb) || system(verb);
}

function headers(verb: string): bool {
  const map = word(1);
  const name = bytes(2);
  const text = bytes(3);
  if (verb == "get") value(proxy_get_header_map_value(map, name.ptr, name.size, outPtr, outSize));
  else if (verb == "pairs") {
    const result = proxy_get_header_map_pairs(map, outPtr, outSize);
    const isThere = result == 0 && outPtr != OUTSIDE;
    say(named(result) + (isThere ? " " + shownPairs(load<usize>(outPtr), load<i32>(outSize)) : ""));
  } else if (verb == "size") {
    const result = proxy_get_header_map_size(map, outWord);
    say(named(result) + (outWord == OUTSIDE ? "" : " " + load<u32>(outWord).toString()));
  } else if (verb == "add") {
    status(proxy_add_header_map_value(map, name.ptr, name.size, text.ptr, text.size));
  } else if (verb == "set") {
    status(proxy_replace_header_map_value(map, name.ptr, name.size, text.ptr, text.size));
  } else if (verb == "del") status(proxy_remove_header_map_value(map, name.ptr, name.size));
  else if (verb == "setpairs") {
    const all = pairs(2);
    status(proxy_set_header_map_pairs(map, all.ptr, all.size));
  } else return false;
  return true;
}

function bodies(verb: string): bool {
  if (verb == "body") value(proxy_get_buffer_bytes(word(1), word(2), word(3), outPtr, outSize));
  else if (verb == "bodysize") {
    const result = proxy_get_buffer_status(word(1), outWord, outSize);
    say(named(result) + (outWord == OUTSIDE ? "" : ` ${load<u32>(outWord)} ${load<u32>(outSize)}`));
  } else if (verb == "write") {
    const data = bytes(4);
    status(proxy_set_buffer_bytes(word(1), word(2), word(3), data.ptr, data.size));
  } else return false;
  return true;
}

function services(verb: string): bool {
  const key = bytes(1);
  const data = bytes(2);
  if (verb == "sget") value(proxy_get_shared_data(key.ptr, key.size, outPtr, outSize, outWord));
  else if (verb == "sset") {
    // `cas` means the one that the key has now.
    const now = words.length > 3 && words[3] == "cas";
    if (now) proxy_get_shared_data(key.ptr, key.size, outPtr, outSize, outWord);
    const cas = now ? load<u32>(outWord) : word(3);
    status(proxy_set_shared_data(key.ptr, key.size, data.ptr, data.size, cas));
  } else if (verb == "qreg") id(proxy_register_shared_queue(key.ptr, key.size, outWord));
  else if (verb == "qres") id(proxy_resolve_shared_queue(key.ptr, key.size, data.ptr, data.size, outWord));
  else if (verb == "qin") status(proxy_enqueue_shared_queue(word(1), data.ptr, data.size));
  else if (verb == "qout") value(proxy_dequeue_shared_queue(word(1), outPtr, outSize));
  else if (verb == "met") id(proxy_define_metric(word(1), data.ptr, data.size, outWord));
  else if (verb == "inc") status(proxy_increment_metric(word(1), long(2)));
  else if (verb == "rec") status(proxy_record_metric(word(1), long(2)));
  else if (verb == "mget") {
    const result = proxy_get_metric(word(1), outLong);
    say(named(result) + (outLong == OUTSIDE ? "" : " " + load<u64>(outLong).toString()));
  } else return false;
  return true;
}

function control(verb: string): bool {
  if (verb == "reply") {
    const details = bytes(2);
    const body = bytes(3);
    const extra = pairs(4);
    const grpc = words.length > 5 ? word(5) : 0xffffffff;
    const ptr = details.ptr;
    const size = details.size;
    status(proxy_send_local_response(word(1), ptr, size, body.ptr, body.size, extra.ptr, extra.size, grpc));
  } else if (verb == "cont") status(proxy_continue_stream(word(1)));
  else if (verb == "close") status(proxy_close_stream(word(1)));
  else if (verb == "eff") status(proxy_set_effective_context(word(1)));
  else if (verb == "ended") status(proxy_done());
  else if (verb == "tick") status(proxy_set_tick_period_milliseconds(word(1)));
  else return false;
  return true;
}

function calls(verb: string): bool {
  const to = bytes(1);
  if (verb == "http") {
    const head = pairs(2);
    const body = bytes(3);
    const end = pairs(4);
    id(
      proxy_http_call(
        to.ptr,
        to.size,
        head.ptr,
        head.size,
        body.ptr,
        body.size,
        end.ptr,
        end.size,
        word(5),
        outWord,
      ),
      tokens,
    );
  } else if (verb == "gcall" || verb == "gstream") {
    const service = bytes(2);
    const method = bytes(3);
    const meta = pairs(4);
    const data = bytes(5);
    if (verb == "gcall") {
      id(
        proxy_grpc_call(
          to.ptr,
          to.size,
          service.ptr,
          service.size,
          method.ptr,
          method.size,
          meta.ptr,
          meta.size,
          data.ptr,
          data.size,
          word(6),
          outWord,
        ),
        tokens,
      );
    } else {
      id(
        proxy_grpc_stream(
          to.ptr,
          to.size,
          service.ptr,
          service.size,
          method.ptr,
          method.size,
          meta.ptr,
          meta.size,
          outWord,
        ),
        tokens,
      );
    }
  } else if (verb == "gsend") {
    const data = bytes(2);
    status(proxy_grpc_send(word(1), data.ptr, data.size, word(3)));
  } else if (verb == "gclose") status(proxy_grpc_close(word(1)));
  else if (verb == "gcancel") status(proxy_grpc_cancel(word(1)));
  else return false;
  return true;
}

function system(verb: string): bool {
  const name = bytes(1);
  const data = bytes(2);
  if (verb == "prop") {
    for (let i = 0; i < name.size && name.ptr != OUTSIDE; i++) {
      if (load<u8>(name.ptr + i) == 0x2e) store<u8>(name.ptr + i, 0);
    }
    value(proxy_get_property(name.ptr, name.size, outPtr, outSize));
  } else if (verb == "setprop") status(proxy_set_property(name.ptr, name.size, data.ptr, data.size));
  else if (verb == "status") {
    const result = proxy_get_status(outWord, outPtr, outSize);
    say(
      named(result) +
        (outWord == OUTSIDE
          ? ""
          : ` ${load<u32>(outWord)} ${shown(load<usize>(outPtr), load<i32>(outSize))}`),
    );
  } else if (verb == "log") status(proxy_log(word(1), data.ptr, data.size));
  else if (verb == "level") {
    const result = proxy_get_log_level(outWord);
    say(named(result) + (outWord == OUTSIDE ? "" : " " + load<u32>(outWord).toString()));
  } else if (verb == "time") status(proxy_get_current_time_nanoseconds(outLong));
  else if (verb == "clock") status(clock_time_get(word(1), 0, outLong));
  else if (verb == "random") status(random_get(outPtr == OUTSIDE ? OUTSIDE : heap.alloc(70_000), word(1)));
  else if (verb == "foreign") {
    value(proxy_call_foreign_function(name.ptr, name.size, data.ptr, data.size, outPtr, outSize));
  } else if (verb == "trap") unreachable();
  else if (verb == "stray") say(load<u8>(OUTSIDE).toString());
  else return false;
  return true;
}
