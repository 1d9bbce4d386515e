// The expressions that give the first values of globals and the places of segments.

import { ByteReader } from "./byte-reader.js";
import { Op, walkExpression } from "./instructions.js";
import type { WasmModule } from "./parts.js";

/** How two numbers make a third. At first WebAssembly had none of these instructions here. */
const ARITHMETIC: ReadonlyMap<number, (a: bigint, b: bigint) => bigint> = new Map([
  [0x6a, (a, b) => BigInt.asIntN(32, a + b)],
  [0x6b, (a, b) => BigInt.asIntN(32, a - b)],
  [0x6c, (a, b) => BigInt.asIntN(32, a * b)],
  [0x7c, (a, b) => BigInt.asIntN(64, a + b)],
  [0x7d, (a, b) => BigInt.asIntN(64, a - b)],
  [0x7e, (a, b) => BigInt.asIntN(64, a * b)],
]);

/**
 * The whole number that the expression at which `reader` stands gives; `undefined` where it gives
 * something else, or where only the start knows.
 */
export function readConstant(reader: ByteReader, module: WasmModule): bigint | undefined {
  const stack: (bigint | undefined)[] = [];
  const imported = module.imports.filter(({ kind }) => kind === "global").length;
  walkExpression(reader, (op, offset, operand) => {
    const calculate = ARITHMETIC.get(op);
    if (op === Op.I32Const || op === Op.I64Const) {
      stack.push(new ByteReader(reader.bytes, offset + 1).signed());
    } else if (op === Op.GlobalGet) {
      if (operand >= imported) reader.features.add("garbage collection");
      stack.push(module.globals[operand]?.initial);
    } else if (calculate !== undefined) {
      reader.features.add("extended constants");
      const [b, a] = [stack.pop(), stack.pop()];
      stack.push(a === undefined || b === undefined ? undefined : calculate(a, b));
    } else if (op !== Op.End) stack.push(undefined);
  });
  return stack.length === 1 ? stack[0] : undefined;
}
