// Host calls about the proxy itself: log, clock, tick, properties, foreign functions.

import { Status } from "../abi.js";
import type { HostCalls, Vm } from "../vm.js";

const LAST_LEVEL = 5;

export function systemCalls(vm: Vm): HostCalls {
  return {
    ...(vm.abi === "0.2.1" ? levelCall(vm) : {}),
    proxy_log(level: number, message: number, size: number) {
      if (level >>> 0 > LAST_LEVEL) return Status.BadArgument;
      writeLog(vm, level, vm.memory.bytes(message, size));
      return Status.Ok;
    },
    proxy_get_status(code: number, out: number, outSize: number) {
      const { status } = vm.context.root;
      vm.memory.setWord(code, status.code);
      return vm.memory.giveText(status.message, out, outSize);
    },
    proxy_get_current_time_nanoseconds: (out: number) => vm.memory.setLong(out, vm.host.clock.nanoseconds),
    proxy_set_tick_period_milliseconds(ms: number) {
      vm.context.root.setTickPeriod(ms >>> 0);
      return Status.Ok;
    },
    proxy_get_property(path: number, size: number, out: number, outSize: number) {
      const text = vm.memory.text(path, size);
      if (text.length === 0) return Status.SerializationFailure;
      const value = vm.context.property(pathOf(text));
      if (value === undefined) return isGroup(vm, text) ? Status.SerializationFailure : Status.NotFound;
      return vm.memory.give(value, out, outSize);
    },
    proxy_set_property: (path: number, size: number, value: number, valueSize: number) =>
      vm.context.setProperty(pathOf(vm.memory.text(path, size)), vm.memory.copy(value, valueSize)),
    proxy_call_foreign_function: foreignCall(vm),
    pthread_equal: (a: number, b: number) => (a === b ? 1 : 0),
    emscripten_notify_memory_growth: () => 0,
  };
}

/** Keeps a line unless it is below the host's level, 0 trace to 5 critical. */
export function writeLog(vm: Vm, level: number, text: Buffer): void {
  if (level >= vm.options.logLevel) vm.log(level, text.toString("utf8"));
}

function levelCall(vm: Vm): HostCalls {
  return { proxy_get_log_level: (out: number) => vm.memory.setWord(out, vm.options.logLevel) };
}

/**
 * Groups of attributes, which are no values themselves: Envoy finds them but cannot serialize them.
 * Outside a stream only `xds` exists.
 */
const GROUPS: ReadonlySet<string> = new Set([
  "request",
  "response",
  "connection",
  "upstream",
  "source",
  "destination",
]);

function isGroup(vm: Vm, path: string): boolean {
  return path === "xds" || (GROUPS.has(path) && vm.context !== vm.context.root);
}

/** NULs separate the parts of a path. A NUL at the end is ignored. */
function pathOf(text: string): string {
  return (text.endsWith("\0") ? text.slice(0, -1) : text).replaceAll("\0", ".");
}

function foreignCall(vm: Vm) {
  return (name: number, nameSize: number, args: number, argsSize: number, out: number, outSize: number) => {
    const call = vm.host.foreignFunctions.get(vm.memory.text(name, nameSize));
    const given = vm.memory.copy(args, argsSize);
    if (call === undefined) return Status.NotFound;
    const { status = Status.Ok, result = Buffer.alloc(0) } = call(given) ?? {};
    if (out !== 0) {
      const ptr = result.length === 0 ? 0 : vm.memory.room(result.length);
      vm.memory.bytes(ptr, result.length).set(result);
      vm.memory.setWord(out, ptr);
    }
    if (outSize !== 0) vm.memory.setWord(outSize, result.length);
    return status;
  };
}
