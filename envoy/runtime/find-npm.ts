// The npm that came with Node. as-pect brings another, old one into `node_modules/.bin`, which is
// the first of the path under `npx` and `npm run`.

import { existsSync } from "node:fs";
import path from "node:path";

/** Its path, or the bare name where there is none. */
export function findNpm(env: NodeJS.ProcessEnv = process.env): string {
  const folders = (env.PATH ?? "").split(path.delimiter);
  const own = folders.filter((folder) => path.isAbsolute(folder) && !/[\\/]node_modules[\\/]/.test(folder));
  return own.map((folder) => path.join(folder, "npm")).find((file) => existsSync(file)) ?? "npm";
}
