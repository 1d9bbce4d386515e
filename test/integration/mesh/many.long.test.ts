// Fifty services in three versions: 151 Envoys on one machine, where a stock Linux lets a user have
// 128 inotify instances.

import { readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CliProcess, processesNaming } from "../commands/cli-process.js";

const SERVICES = 50;
const VERSIONS = ["v1", "v2", "v3"];
const START_MS = 400_000;
/** By this name the services are told from other processes. */
const SERVER_FILE = `many-server-${process.pid}.cjs`;

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "many-")));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SERVER = `require("node:http").createServer((q, a) => a.end(process.env.SERVICE_NAME)).listen(process.env.PORT, "127.0.0.1");`;

/** Each service calls the next one. A filter stands in every listener, and one in every cluster. */
function meshFile(responseHeader: string): string {
  const services = Array.from({ length: SERVICES }, (_, i) => [
    `s${i}`,
    {
      versions: Object.fromEntries(VERSIONS.map((version) => [version, { command: `node ${SERVER_FILE}` }])),
      calls: i + 1 < SERVICES ? [`s${i + 1}`] : [],
      filters: [{ filter: "retry-budget", config: { budgets: [{ name: "b", ratio: { percentage: 20 } }] } }],
    },
  ]);
  return JSON.stringify({
    name: "many",
    gateway: { routes: [{ prefix: "/", service: "s0" }] },
    services: Object.fromEntries(services),
    filters: [
      { filter: "trace-headers", at: ["gateway", "inbound", "outbound"], config: { responseHeader } },
    ],
  });
}

function inotifyInstances(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  const target = (fd: string) => {
    try {
      return readlinkSync(path.join(folder, fd));
    } catch {
      return "";
    }
  };
  return readdirSync(folder).filter((fd) => target(fd) === "anon_inode:inotify").length;
}

it.skipIf(process.platform !== "linux")(
  "fifty services in three versions start, take an edit, and end with their command (needs Linux)",
  async () => {
    await writeFile(path.join(folder, SERVER_FILE), SERVER);
    const file = path.join(folder, "mesh.json");
    await writeFile(file, meshFile("x-first"));
    const started = performance.now();
    await using command = new CliProcess(
      ["up", file, "--engine", "process", "--port", "0", "--no-table"],
      folder,
    );
    const [, url = ""] = await command.until(/^ {2}gateway {2}(http:\S+)$/m, START_MS);
    console.log(
      `${1 + SERVICES * VERSIONS.length} Envoys after ${Math.round(performance.now() - started)} ms`,
    );
    expect(command.stdout).toMatch(/^\d+ of 301 are ready after \d+ s; waiting for: .* more$/m);
    expect(command.stderr).toBe("");
    const envoys = processesNaming(path.join(folder, ".meshwright", "many", "envoys"));
    expect(envoys).toHaveLength(1 + SERVICES * VERSIONS.length);
    const instances = envoys.map((line) => inotifyInstances(Number.parseInt(line.trim(), 10)));
    expect(new Set(instances)).toEqual(new Set([0]));
    expect((await fetch(url)).headers.has("x-first")).toBe(true);
    await writeFile(file, meshFile("x-second"));
    await command.until(/^applied: trace-headers at gateway\/.* and 291 more$/m, START_MS);
    expect(command.stdout).not.toContain("not applied");
    expect((await fetch(url)).headers.has("x-second")).toBe(true);
    command.kill("SIGKILL");
    await command.exited;
    const left = () => [...processesNaming(folder), ...processesNaming(SERVER_FILE)];
    await expect.poll(left).toEqual([]);
  },
  2 * START_MS,
);
