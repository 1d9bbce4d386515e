// The npm that came with Node. as-pect puts another, older npm into `node_modules/.bin`, which
// comes first on the PATH under `npx` and `npm run`.

import { existsSync } from "node:fs";
import path from "node:path";

/** Its path, or the bare name where there is none. */
export function findNpm(env: NodeJS.ProcessEnv = process.env): string {
  const folders = (env.PATH ?? "").split(path.delimiter);
  const own = folders.filter((folder) => path.isAbsolute(folder) && !/[\\/]node_modules[\\/]/.test(folder));
  return own.map((folder) => path.join(folder, "npm")).find((file) => existsSync(file)) ?? "npm";
}
