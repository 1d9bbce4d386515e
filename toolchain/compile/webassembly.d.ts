// The part of Node's WebAssembly that the host uses. The types of Node 20 name it without its
// members.

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    static exports(module: Module): { name: string; kind: string }[];
    static imports(module: Module): { module: string; name: string; kind: string }[];
  }
  class Memory {
    readonly buffer: ArrayBuffer;
  }
  class Instance {
    constructor(
      module: Module,
      imports: Record<string, Record<string, (...args: number[]) => number | undefined>>,
    );
    readonly exports: Record<string, unknown>;
  }
}
