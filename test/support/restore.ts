// Runs before each suite: puts back what a suite may change of the process, which the next suite
// uses too.

import { afterAll, vi } from "vitest";

const env = { ...process.env };
const folder = process.cwd();

afterAll(() => {
  vi.unstubAllEnvs();
  vi.useRealTimers();
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  process.chdir(folder);
});
