// Which function of a module calls which.

import { ByteReader } from "./byte-reader.js";
import { Op, opensBlock, walkExpression } from "./instructions.js";
import type { WasmModule } from "./parts.js";
import { readLocals, sameSignature } from "./types.js";

/** One call, as it stands in a function. */
export interface Call {
  /** The number of the called function, or of its type for a call through a table. */
  readonly target: number;
  readonly indirect: boolean;
  /** Where in the module's bytes the instruction begins. */
  readonly offset: number;
  /** The call is made whenever the function runs, unless something before it traps. */
  readonly certain: boolean;
}

/** How a function was reached: the calling function, and the byte of the instruction. */
export interface Step {
  readonly from: number;
  readonly offset: number;
}

/**
 * Which calls a search follows: those that are certain, all direct ones, or also those through
 * tables.
 */
export type Reach = "certain" | "direct" | "indirect";

export interface SearchOptions {
  readonly reach: Reach;
  /** The function that runs before all others: a global that begins as 0 is still 0 there. */
  readonly first?: number | undefined;
  /** Functions that are not followed further. */
  readonly isClosed?: ((fn: number) => boolean) | undefined;
}

/** How many functions the module imports; these have no body. */
export function importedFunctions(module: WasmModule): number {
  return module.functionTypes.length - module.bodies.length;
}

/**
 * Every function that `entries` reach, with the step that first led there; the entries themselves
 * have none.
 */
export function reachable(
  module: WasmModule,
  entries: readonly number[],
  { reach, first, isClosed }: SearchOptions,
): ReadonlyMap<number, Step | undefined> {
  const found = new Map<number, Step | undefined>(entries.map((entry) => [entry, undefined]));
  /**
   * The types of calls through tables that were followed. Calls of one type lead to the same
   * functions.
   */
  const types = new Set<number>();
  // Iterating over a Map includes what is added meanwhile: this searches breadth first, without
  // recursion.
  for (const from of found.keys()) {
    if (isClosed?.(from) === true) continue;
    for (const call of callsOf(module, from, from === first)) {
      if (!isFollowed(call, reach) || (call.indirect && types.has(call.target))) continue;
      if (call.indirect) types.add(call.target);
      for (const to of call.indirect ? tabledOfType(module, call.target) : [call.target]) {
        if (!found.has(to)) found.set(to, { from, offset: call.offset });
      }
    }
  }
  return found;
}

function isFollowed(call: Call, reach: Reach): boolean {
  return call.indirect ? reach === "indirect" : reach !== "certain" || call.certain;
}

/** The functions of this type in the module's tables. */
function tabledOfType(module: WasmModule, type: number): readonly number[] {
  const wanted = module.types[type];
  if (!wanted) return [];
  return [...module.tabled].filter((fn) => {
    const own = module.types[module.functionTypes[fn] ?? -1];
    return own != null && sameSignature(own, wanted);
  });
}

/**
 * The calls in one function; none in an imported one.
 * @param runsFirst the function is what starts the module: a global that begins as 0 is still 0
 * there
 */
export function callsOf(module: WasmModule, fn: number, runsFirst = false): readonly Call[] {
  return followed(module, fn, runsFirst)?.calls ?? [];
}

/** Whether `fn`, or a function that it certainly calls, certainly reaches `unreachable`. */
export function trapsCertainly(module: WasmModule, fn: number): boolean {
  const certain = reachable(module, [fn], { reach: "certain", first: fn }).keys();
  return [...certain].some((each) => followed(module, each, each === fn)?.traps === true);
}

function followed(module: WasmModule, fn: number, runsFirst: boolean): CallFinder | undefined {
  const body = module.bodies[fn - importedFunctions(module)];
  if (body === undefined) return undefined;
  const reader = new ByteReader(module.bytes, body.start, body.end);
  readLocals(reader);
  const finder = new CallFinder(module, runsFirst);
  walkExpression(reader, (op, offset, operand) => finder.visit(op, offset, operand));
  return finder;
}

/** An open block: it runs always, sometimes, or never. */
type Runs = "always" | "perhaps" | "never";

/** Follows one function from its beginning for as long as it is known which instructions run. */
class CallFinder {
  readonly calls: Call[] = [];
  traps = false;
  readonly #blocks: Runs[] = [];
  /** A jump may have skipped what follows. */
  #lost = false;
  /** What is known about the value on top of the stack: it is 0, or it is not 0. */
  #top: "zero" | "one" | undefined;
  readonly #set = new Set<number>();

  constructor(
    readonly module: WasmModule,
    readonly runsFirst: boolean,
  ) {}

  visit(op: number, offset: number, operand: number): void {
    const top = this.#top;
    this.#top = this.#valueOf(op, operand, top);
    if (op === Op.GlobalSet) this.#set.add(operand);
    if (op === Op.Unreachable) this.traps ||= this.#isCertain();
    if (isDirectCall(op)) this.#add(operand, false, offset);
    if (isIndirectCall(op)) this.#add(operand, true, offset);
    if (opensBlock(op)) this.#blocks.push(op === Op.If ? ifRuns(top) : "always");
    else if (op === Op.Else) this.#turn();
    else if (op === Op.End || op === Op.Delegate) this.#blocks.pop();
    else if (op === Op.Catch || op === Op.CatchAll) this.#lost = true;
    else if (jumps(op) && !(op === Op.BrIf && top === "zero")) this.#lost ||= !this.#blocks.includes("never");
  }

  #valueOf(op: number, operand: number, top: "zero" | "one" | undefined): "zero" | "one" | undefined {
    if (op === Op.I32Eqz && top !== undefined) return top === "zero" ? "one" : "zero";
    const begins = this.runsFirst && op === Op.GlobalGet && !this.#lost && !this.#set.has(operand);
    return begins && this.module.globals[operand]?.initial === 0n ? "zero" : undefined;
  }

  #turn(): void {
    const before = this.#blocks.pop();
    this.#blocks.push(before === "always" ? "never" : before === "never" ? "always" : "perhaps");
  }

  #add(target: number, indirect: boolean, offset: number): void {
    this.calls.push({ target, indirect, offset, certain: this.#isCertain() });
  }

  #isCertain(): boolean {
    return !this.#lost && this.#blocks.every((runs) => runs === "always");
  }
}

function ifRuns(condition: "zero" | "one" | undefined): Runs {
  if (condition === undefined) return "perhaps";
  return condition === "zero" ? "never" : "always";
}

function isDirectCall(op: number): boolean {
  return op === Op.Call || op === Op.ReturnCall;
}

function isIndirectCall(op: number): boolean {
  return (
    op === Op.CallIndirect || op === Op.ReturnCallIndirect || op === Op.CallRef || op === Op.ReturnCallRef
  );
}

const JUMPS: readonly number[] = [
  Op.Unreachable,
  Op.Throw,
  Op.Rethrow,
  Op.ThrowRef,
  Op.Br,
  Op.BrIf,
  Op.BrTable,
  Op.Return,
  Op.ReturnCall,
  Op.ReturnCallIndirect,
  Op.ReturnCallRef,
  Op.BrOnNull,
  Op.BrOnNonNull,
];

function jumps(op: number): boolean {
  return JUMPS.includes(op);
}
