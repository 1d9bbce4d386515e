// Host calls about header maps and buffers.

import { Status } from "../abi.js";
import type { HeaderMap } from "../header-map.js";
import { pairsSize, readPairs, writePairs } from "../header-map.js";
import { joinedHeaders } from "../joined-headers.js";
import type { HostCalls, Vm } from "../vm.js";

const LAST_MAP = 7;
const LAST_BUFFER = 8;

export function headerCalls(vm: Vm): HostCalls {
  return { ...readCalls(vm), ...editCalls(vm), ...bufferCalls(vm) };
}

function readCalls(vm: Vm): HostCalls {
  return {
    proxy_get_header_map_value(type: number, name: number, size: number, out: number, outSize: number) {
      if (type >>> 0 > LAST_MAP) return Status.BadArgument;
      const { context, memory } = vm;
      const key = memory.text(name, size);
      const map = context.headers(type);
      if (map === undefined && !context.isLogging) return Status.BadArgument;
      const value = map?.get(key) ?? (vm.abi === "0.1.0" ? "" : undefined);
      return value === undefined ? Status.NotFound : memory.giveText(value, out, outSize);
    },
    proxy_get_header_map_pairs(type: number, out: number, outSize: number) {
      if (type >>> 0 > LAST_MAP) return Status.BadArgument;
      const { context, memory } = vm;
      const list = context.headers(type)?.entries ?? [];
      if (list.length === 0) return memory.answer(0, 0, out, outSize);
      const size = pairsSize(list);
      const ptr = memory.room(size);
      writePairs(list, memory.bytes(ptr, size));
      return memory.answer(ptr, size, out, outSize);
    },
    proxy_get_header_map_size(type: number, out: number) {
      if (type >>> 0 > LAST_MAP) return Status.BadArgument;
      const map = vm.context.editableHeaders(type);
      return map === undefined ? Status.BadArgument : vm.memory.setWord(out, map.bytes);
    },
  };
}

function editCalls(vm: Vm): HostCalls {
  const textOf = (ptr: number, size: number) => vm.memory.text(ptr, size);
  /**
   * Envoy first checks whether such a map can exist, then reads the arguments, then looks for the
   * map.
   */
  const edit = <T>(type: number, read: () => T, change: (map: HeaderMap, read: T) => void): number => {
    if (type >>> 0 > LAST_MAP) return Status.BadArgument;
    const given = read();
    const map = vm.context.editableHeaders(type);
    if (map === undefined) return Status.BadArgument;
    change(map, given);
    return Status.Ok;
  };
  const pairOf = (name: number, size: number, value: number, valueSize: number) =>
    [textOf(name, size), textOf(value, valueSize)] as const;
  return {
    proxy_add_header_map_value: (
      type: number,
      name: number,
      size: number,
      value: number,
      valueSize: number,
    ) =>
      edit(
        type,
        () => pairOf(name, size, value, valueSize),
        (map, pair) => map.addTo(...pair, joinedHeaders(type)),
      ),
    proxy_replace_header_map_value: (
      type: number,
      name: number,
      size: number,
      value: number,
      valueSize: number,
    ) =>
      edit(
        type,
        () => pairOf(name, size, value, valueSize),
        (map, pair) => map.replace(...pair),
      ),
    proxy_remove_header_map_value: (type: number, name: number, size: number) =>
      edit(
        type,
        () => textOf(name, size),
        (map, key) => map.remove(key),
      ),
    proxy_set_header_map_pairs: (type: number, pairs: number, size: number) =>
      edit(
        type,
        () => readPairs(vm.memory.bytes(pairs, size)),
        (map, list) => map.setAll(list),
      ),
  };
}

function bufferCalls(vm: Vm): HostCalls {
  return {
    proxy_get_buffer_bytes(type: number, start: number, length: number, out: number, outSize: number) {
      if (type >>> 0 > LAST_BUFFER) return Status.BadArgument;
      const body = vm.context.body(type);
      if (body === undefined) return Status.NotFound;
      const from = Math.min(start >>> 0, body.size);
      const until = Math.min(from + (length >>> 0), body.size);
      if (from === until) return vm.memory.answer(0, 0, out, outSize);
      return vm.memory.give(body.bytes().subarray(from, until), out, outSize);
    },
    proxy_get_buffer_status(type: number, length: number, flags: number) {
      if (type >>> 0 > LAST_BUFFER) return Status.BadArgument;
      const body = vm.context.body(type);
      if (body === undefined) return Status.NotFound;
      vm.memory.setWord(length, body.size);
      return vm.memory.setWord(flags, 0);
    },
    proxy_set_buffer_bytes(type: number, start: number, length: number, data: number, size: number) {
      if (type >>> 0 > LAST_BUFFER) return Status.BadArgument;
      const body = vm.context.body(type);
      if (body === undefined) return Status.NotFound;
      return body.write(start >>> 0, length >>> 0, vm.memory.copy(data, size));
    },
  };
}
