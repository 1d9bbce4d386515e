// Lines that break, one for each kind.

import { randomBelow } from "../../../assembly";

const NUMBERS: i32[] = [1, 2, 3];
const FIXED: StaticArray<i32> = [1, 2, 3];
let total: i32 = 0;

/** @param count more than 3, so that the indexes below are out of range */
export function decide(command: string, count: i32): void {
  if (command == "array") total += NUMBERS[count + 3]; // mark: array
  if (command == "static-array") total += FIXED[count + 3]; // mark: static-array
  if (command == "throw") throw new Error(`no rule for ${command}`); // mark: throw
  if (command == "unreachable") unreachable(); // mark: unreachable
  if (command == "assert") assert(count < 3, "too many headers"); // mark: assert
  if (command == "plain-assert") assert(count < 2); // mark: plain-assert
  if (command == "overflow") total += deeper(count); // mark: overflow
  if (command == "division") total += 7 / (total - total); // mark: division
  if (command == "memory") total += load<i32>(<usize>0xfffffff0); // mark: memory
  if (command == "null") total += nothing(count)!.length; // mark: null
  if (command == "cast") total += (<Named>make(count)).name.length; // mark: cast
  if (command == "sdk") total += <i32>randomBelow(count); // mark: sdk
  if (command == "chain") total += first(count); // mark: chain
}

function deeper(depth: i32): i32 {
  return depth + deeper(depth + 1) + total; // mark: deeper
}

function nothing(count: i32): string | null {
  return count > 100 ? "" : null;
}

class Any {}
class Named extends Any {
  name: string = "";
}

function make(count: i32): Any {
  return count > 100 ? new Named() : new Any();
}

// It is called twice and long enough, so that the compiler does not inline it.
function first(count: i32): i32 {
  return count > 50 ? first(count - 1) : second(count) + 1; // mark: first
}

function second(count: i32): i32 {
  return count > 40 ? first(count) : third(count - 20); // mark: second
}

function third(count: i32): i32 {
  if (count > 30) return second(count);
  return NUMBERS[count + 40]; // mark: third
}
