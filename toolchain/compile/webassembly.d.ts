// The part of Node's WebAssembly that the host uses. The types of Node 20 name it without its
// members.

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    static exports(module: Module): { name: string; kind: string }[];
    static imports(module: Module): { module: string; name: string; kind: string }[];
  }
  class Memory {
    constructor(limits: { initial: number; maximum?: number });
    readonly buffer: ArrayBuffer;
  }
  class Table {
    constructor(type: { element: "anyfunc" | "externref"; initial: number; maximum?: number });
    readonly length: number;
  }
  class Instance {
    constructor(
      module: Module,
      imports: Record<string, Record<string, ((...args: number[]) => number | undefined) | Memory | Table>>,
    );
    readonly exports: Record<string, unknown>;
  }
}
