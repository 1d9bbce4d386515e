// Modules of probes and bundles for tests. Most tests are about what the code does, and `npm test`
// does not wait for the optimizer there: it is half of the time to compile a small module, and four
// fifths of that for a bundle.

import { type Bundle, compileBundle } from "../../toolchain/bundle/entry.js";
import { compileModule } from "../../toolchain/compile/build.js";
import type { Optimization } from "../../toolchain/compile/compile.js";
import { amount } from "./amount.js";

/** As filters are built in `npm run test:all`. */
const optimization: Optimization = amount(1, 0) === 1 ? "release" : "none";

/** Compiles as `compileModule` does. */
export function compileProbe(entry: string, out: string): Promise<void> {
  return compileModule(entry, out, { optimization });
}

/** Compiles as `compileBundle` does. */
export function compileTestBundle(bundle: Bundle, out: string): Promise<void> {
  return compileBundle(bundle, out, { optimization });
}
