// The module's linear memory as the host sees it. The view is renewed when the memory has grown,
// since growth detaches the old one.

import { Status } from "./abi.js";

/**
 * Thrown when a module names an address that its memory does not have. The host call then returns
 * `InvalidMemoryAccess`.
 */
export class InvalidMemoryAccess extends Error {}

/**
 * Reads and writes a module's memory. Text is latin1, so that every byte of a header keeps its
 * value.
 */
export class Memory {
  /** How often the host asked the module for room, to hand over the bytes of a call's result. */
  rooms = 0;
  private view: Buffer;

  constructor(
    private readonly memory: WebAssembly.Memory,
    /** The module's own allocator. It returns 0 when it refuses. */
    private readonly allocate: (size: number) => number,
  ) {
    this.view = Buffer.from(memory.buffer);
  }

  /** The memory's size in pages of 64 KiB. */
  get pages(): number {
    return this.memory.buffer.byteLength / 65536;
  }

  /** The bytes themselves, not a copy. They are valid until the module runs again. */
  bytes(ptr: number, size: number): Buffer {
    const start = ptr >>> 0;
    const end = start + (size >>> 0);
    return this.within(end).subarray(start, end);
  }

  copy(ptr: number, size: number): Buffer {
    return Buffer.from(this.bytes(ptr, size));
  }

  text(ptr: number, size: number): string {
    const start = ptr >>> 0;
    const end = start + (size >>> 0);
    return this.within(end).toString("latin1", start, end);
  }

  word(ptr: number): number {
    const start = ptr >>> 0;
    return this.within(start + 4).readUInt32LE(start);
  }

  /** Writes a 32-bit result. Returns the status Ok. */
  setWord(ptr: number, value: number): 0 {
    const start = ptr >>> 0;
    const view = this.within(start + 4);
    view[start] = value;
    view[start + 1] = value >>> 8;
    view[start + 2] = value >>> 16;
    view[start + 3] = value >>> 24;
    return Status.Ok;
  }

  /** Writes a 64-bit result. Returns the status Ok. */
  setLong(ptr: number, value: bigint): 0 {
    const start = ptr >>> 0;
    this.within(start + 8).writeBigUInt64LE(BigInt.asUintN(64, value), start);
    return Status.Ok;
  }

  /**
   * Gives bytes to the module: allocates room there, copies, and writes address and size to the
   * out-parameters. An empty value is address 0 and size 0, without an allocation, as in Envoy.
   * Returns the status Ok.
   */
  give(value: Uint8Array, outPtr: number, outSize: number): 0 {
    const ptr = value.length === 0 ? 0 : this.room(value.length);
    if (ptr !== 0) this.bytes(ptr, value.length).set(value);
    return this.answer(ptr, value.length, outPtr, outSize);
  }

  /** The same for latin1 text. */
  giveText(value: string, outPtr: number, outSize: number): 0 {
    const ptr = value.length === 0 ? 0 : this.room(value.length);
    if (ptr !== 0) this.within(ptr + value.length).latin1Write(value, ptr);
    return this.answer(ptr, value.length, outPtr, outSize);
  }

  /** An address with room for this many bytes, from the module's allocator. */
  room(size: number): number {
    this.rooms++;
    const ptr = this.allocate(size) >>> 0;
    if (ptr === 0) throw new InvalidMemoryAccess();
    this.within(ptr + size);
    return ptr;
  }

  answer(ptr: number, size: number, outPtr: number, outSize: number): 0 {
    this.setWord(outPtr, ptr);
    return this.setWord(outSize, size);
  }

  private within(end: number): RawBuffer {
    if (this.view.length === 0) this.view = Buffer.from(this.memory.buffer);
    if (end > this.view.length) throw new InvalidMemoryAccess();
    return this.view as RawBuffer;
  }
}

/** Node's own latin1 writer, which its types leave out. `Buffer.write` takes a longer way to it. */
interface RawBuffer extends Buffer {
  latin1Write(text: string, offset: number): number;
}
