// The module's linear memory as the host sees it. Views are made anew for each access: the memory moves when it grows.

/** Reads and writes a module's memory. Text is latin1, so that every byte of a header keeps its value. */
export class Memory {
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly allocate: (size: number) => number,
  ) {}

  /** Pages of 64 KiB. */
  get pages(): number {
    return this.memory.buffer.byteLength / 65536;
  }

  bytes(ptr: number, size: number): Buffer {
    return Buffer.from(this.memory.buffer, ptr >>> 0, size >>> 0);
  }

  text(ptr: number, size: number): string {
    return this.bytes(ptr, size).toString("latin1");
  }

  /** Writes a 32-bit result. Returns the status Ok. */
  setWord(ptr: number, value: number): 0 {
    new DataView(this.memory.buffer).setUint32(ptr, value, true);
    return 0;
  }

  /**
   * Hands bytes over to the module: allocates there, copies, and writes address and size to the out-parameters. An empty value is address 0 and
   * size 0, without an allocation, as in Envoy. Returns the status Ok.
   */
  give(value: Uint8Array, outPtr: number, outSize: number): 0 {
    let ptr = 0;
    if (value.length > 0) {
      ptr = this.allocate(value.length);
      this.bytes(ptr, value.length).set(value);
    }
    this.setWord(outPtr, ptr);
    return this.setWord(outSize, value.length);
  }
}
