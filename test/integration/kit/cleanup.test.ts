// What remains of the harness after the process of a test ends, in whatever way: nothing.

import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startChild } from "../../../envoy/runtime/child.js";
import { connectEngine } from "../../../envoy/runtime/engine.js";
import { OWNER_LABEL } from "../../../envoy/runtime/guard.js";
import { portState } from "../../../envoy/runtime/ports.js";
import { whyNoContainer } from "../../../kit/envoy/runtime.js";

const ENDS = {
  throws: "throw new Error('crash')",
  "is killed": "process.kill(process.pid, 'SIGKILL')",
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-cleanup-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * Runs a program that starts an Envoy and ends; returns the Envoy's port once the program has
 * ended.
 */
async function portOfAbandoned(place: string, runtime: string, end: string): Promise<number> {
  const program = join(folder, "abandon.mts");
  const source = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));
  await writeFile(
    program,
    `import { startEnvoy } from ${source("../../../kit/envoy/envoy.ts")};
const envoy = await startEnvoy({ upstreams: { v1: { port: 1 } }, runtime: ${JSON.stringify(runtime)} });
process.stdout.write(envoy.port + "\\n", () => { ${end} });`,
  );
  await using child = startChild({
    name: "abandon",
    command: process.execPath,
    args: ["--import", import.meta.resolve("tsx"), program],
    env: { ...process.env, TMPDIR: place },
  });
  await child.exited;
  return Number(/^\d+$/m.exec(child.logs())?.[0]);
}

for (const runtime of ["process", "container"] as const) {
  const problem = runtime === "container" ? await whyNoContainer() : undefined;

  describe.skipIf(problem !== undefined)(
    `as a ${runtime}${problem === undefined ? "" : `: ${problem}`}`,
    () => {
      test.each(Object.entries(ENDS))("nothing is left when the test's process %s", async (name, end) => {
        const place = join(folder, `${runtime}-${name.replaceAll(" ", "-")}`);
        await mkdir(place);
        const port = await portOfAbandoned(place, runtime, end);
        expect(port).toBeGreaterThan(0);
        const left = async () => ({
          port: await portState(port),
          folders: (await readdir(place)).filter((entry) => entry.startsWith("meshwright-test-")),
          containers: runtime === "container" ? await containersIn(place) : 0,
        });
        await expect.poll(left).toEqual({ port: "free", folders: [], containers: 0 });
      });
    },
  );
}

/** How many containers, running or not, have a folder below this one. */
async function containersIn(place: string): Promise<number> {
  const { dockerode } = (await connectEngine()).client.container;
  const all = await dockerode.listContainers({ all: true, filters: { label: [OWNER_LABEL] } });
  return all.filter(({ Mounts }) => Mounts.some(({ Source }) => Source.startsWith(place))).length;
}
