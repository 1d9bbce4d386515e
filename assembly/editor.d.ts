// For editors and `tsc` only: what the compiler knows and AssemblyScript's own declarations leave
// out.

/** Collects what nothing holds any more. */
declare function __collect(): void;

interface Number {
  toString(radix?: i32): string;
}
