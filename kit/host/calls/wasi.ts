// The part of WASI preview 1 that Envoy 1.39 links. There are no files, so most calls only return
// that.

import type { HostCall, HostCalls, Vm } from "../vm.js";
import { writeLog } from "./system.js";

const Errno = { Success: 0, Badf: 8, Inval: 28, Noent: 44, Nosys: 52, Notdir: 20, Notsup: 58 } as const;

const MAX_RANDOM_BYTES = 64 * 1024;
const STDOUT = 1;
const STDERR = 2;
/** The log levels of lines to standard output and to standard error: info and error. */
const LEVELS = { [STDOUT]: 2, [STDERR]: 4 } as const;
const RIGHT_TO_WRITE = 64n;

export function wasiCalls(vm: Vm): HostCalls {
  return { ...plainCalls(), ...outputCalls(vm), ...processCalls(vm), ...resultCalls(vm) };
}

function isOutput(fd: number): fd is typeof STDOUT | typeof STDERR {
  return fd === STDOUT || fd === STDERR;
}

/** Calls whose answer does not depend on the VM. */
function plainCalls(): HostCalls {
  const all = (names: readonly string[], call: HostCall): HostCalls =>
    Object.fromEntries(names.map((name) => [name, call]));
  const forOutput = (fd: number) => (isOutput(fd) ? Errno.Success : Errno.Badf);
  return {
    ...all(["args_get", "fd_seek", "fd_close", "fd_advise", "sched_yield", "proc_exit"], () => Errno.Success),
    ...all(["fd_allocate", "fd_datasync", "fd_fdstat_set_rights", "fd_sync"], forOutput),
    ...all(["fd_filestat_set_size", "fd_filestat_set_times"], forOutput),
    ...all(["fd_read", "fd_pread", "fd_fdstat_set_flags", "fd_prestat_dir_name"], () => Errno.Nosys),
    ...all(["fd_prestat_get", "fd_filestat_get"], () => Errno.Badf),
    ...all(["path_create_directory", "path_filestat_set_times", "path_filestat_get"], () => Errno.Notsup),
    ...all(["path_link", "path_remove_directory", "path_rename", "path_symlink"], () => Errno.Notsup),
    ...all(["path_unlink_file", "sock_shutdown"], () => Errno.Notsup),
    path_open: () => Errno.Noent,
    fd_renumber: (fd: number, to: number) => (isOutput(fd) && isOutput(to) ? Errno.Notsup : Errno.Badf),
  };
}

function outputCalls(vm: Vm): HostCalls {
  const write = (fd: number, vectors: number, count: number, written: number): number => {
    if (!isOutput(fd)) return Errno.Badf;
    const parts: Buffer[] = [];
    for (let i = 0; i < count; i++) {
      parts.push(vm.memory.copy(vm.memory.word(vectors + i * 8), vm.memory.word(vectors + i * 8 + 4)));
    }
    const text = Buffer.concat(parts);
    const line = text.at(-1) === 0x0a ? text.subarray(0, -1) : text;
    if (text.length > 0) writeLog(vm, LEVELS[fd], line);
    return vm.memory.setWord(written, text.length);
  };
  return {
    fd_write: write,
    fd_pwrite: (fd: number, vectors: number, count: number, _offset: bigint, written: number) =>
      write(fd, vectors, count, written),
    fd_fdstat_get(fd: number, out: number) {
      if (!isOutput(fd)) return Errno.Badf;
      vm.memory.setLong(out, 0n);
      vm.memory.setLong(out + 8, RIGHT_TO_WRITE);
      return vm.memory.setLong(out + 16, 0n);
    },
  };
}

function processCalls(vm: Vm): HostCalls {
  return {
    random_get(ptr: number, size: number) {
      if (size >>> 0 > MAX_RANDOM_BYTES) return Errno.Inval;
      vm.host.fillRandom(vm.memory.bytes(ptr, size));
      return Errno.Success;
    },
    clock_time_get(clock: number, _precision: bigint, out: number) {
      if (clock !== 0 && clock !== 1) return Errno.Notsup;
      return vm.memory.setLong(out, clock === 0 ? vm.host.clock.nanoseconds : vm.host.clock.monotonic);
    },
    clock_res_get: (clock: number, out: number) =>
      clock === 0 || clock === 1 ? vm.memory.setLong(out, 1n) : Errno.Notsup,
    environ_sizes_get(count: number, size: number) {
      const { environment } = vm.options;
      vm.memory.setWord(count, environment.length);
      return vm.memory.setWord(size, Buffer.byteLength(environment.join("")));
    },
    environ_get(pointers: number, texts: number) {
      let at = texts;
      vm.options.environment.forEach((text, i) => {
        const bytes = Buffer.from(text);
        vm.memory.setWord(pointers + i * 4, at);
        vm.memory.bytes(at, bytes.length).set(bytes);
        at += bytes.length;
      });
      return Errno.Success;
    },
    args_sizes_get(count: number, size: number) {
      vm.memory.setWord(count, 0);
      return vm.memory.setWord(size, 0);
    },
  };
}

/** Calls that fail or find nothing, and that write this into a result too. */
function resultCalls(vm: Vm): HostCalls {
  const zero = (out: number, errno: number): number => vm.memory.setWord(out, 0) || errno;
  return {
    fd_readdir: (_fd: number, _buffer: number, _size: number, _cookie: bigint, out: number) =>
      zero(out, Errno.Notdir),
    fd_tell: (fd: number, out: number) => (isOutput(fd) ? vm.memory.setLong(out, 0n) : Errno.Badf),
    path_readlink: (_fd: number, _path: number, _length: number, _to: number, _size: number, out: number) =>
      zero(out, Errno.Notsup),
    sock_accept: (_fd: number, _flags: number, out: number) => zero(out, Errno.Notsup),
    sock_recv: (_fd: number, _data: number, _length: number, _flags: number, out: number, flags: number) => {
      vm.memory.bytes(flags, 2).fill(0);
      return zero(out, Errno.Notsup);
    },
    sock_send: (_fd: number, _data: number, _length: number, _flags: number, out: number) =>
      zero(out, Errno.Notsup),
    poll_oneoff: (_in: number, _out: number, _count: number, events: number) => zero(events, Errno.Success),
  };
}
