// A container engine that stops in the middle of `meshwright up`: while the mesh starts, while it
// runs, and while it ends. The engine is the test's own.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNoContainers } from "../../../compose/containers/engine.js";
import { OwnEngine, whyNoOwnEngine } from "../../support/own-engine.js";
import { CliProcess, processesNaming } from "../commands/cli-process.js";
import { ownMesh } from "../mesh/demo-copy.js";

const LONG = { timeout: 300_000 };
const why = whyNoOwnEngine() ?? (await whyNoContainers());
const SERVER = `require("node:http").createServer((q, r) => r.end("ok")).listen(process.env.PORT, "127.0.0.1")`;
const MESH = ownMesh(["node", "-e", SERVER]);
const STOPPED =
  /^meshwright: the container engine has stopped, and the mesh with it: when it runs, start the mesh again, or remove what is left by `docker compose -p (meshwright-own-\w+) down`$/m;

describe.skipIf(why !== undefined)(`an engine that stops${why === undefined ? "" : `: ${why}`}`, LONG, () => {
  let engine: OwnEngine;
  let folder: string;
  beforeAll(async () => {
    engine = await OwnEngine.start();
    folder = path.join(engine.folder, "home");
    await mkdir(folder);
    await writeFile(path.join(folder, "mesh.yaml"), MESH);
    await writeFile(path.join(folder, "notes.txt"), "mine");
  }, 300_000);
  afterAll(() => engine?.[Symbol.asyncDispose]());

  const up = () =>
    new CliProcess(["up", "mesh.yaml", "--port", "0", "--engine", "container", "--no-table"], folder, {
      env: engine.env,
    });

  async function containers(...filters: readonly string[]): Promise<readonly string[]> {
    const args = filters.flatMap((each) => ["--filter", each]);
    const { output } = await engine.docker("ps", "--quiet", ...args);
    return output.split("\n").filter((line) => line !== "");
  }

  async function expectEndedWell(command: CliProcess): Promise<void> {
    expect(await command.exited).toBe(4);
    expect(command.stderr).toMatch(STOPPED);
    expect(command.stderr).not.toContain("unexpected");
    await expect.poll(() => processesNaming(folder)).toEqual([]);
    expect((await readdir(folder)).filter((name) => name !== ".meshwright")).toEqual([
      "mesh.yaml",
      "notes.txt",
    ]);
    expect(await readFile(path.join(folder, "mesh.yaml"), "utf8")).toBe(MESH);
  }

  /** With the engine back, the next start clears away what is left, and ends well itself. */
  async function expectStartsAgain(): Promise<void> {
    await engine.start();
    await using again = up();
    await again.until(/The mesh "own" runs on .* in containers/);
    expect(await containers("label=meshwright.mesh=own", "status=running")).toHaveLength(4);
    again.kill("SIGINT");
    expect(await again.exited).toBe(0);
    const { output } = await engine.docker("ps", "--all", "--quiet");
    expect(output.trim()).toBe("");
    expect(await readdir(path.join(folder, ".meshwright", "own"))).toEqual(["identity"]);
  }

  it("is told while the mesh starts", async () => {
    await using command = up();
    await command.until(/Starting containers/);
    await expect.poll(() => containers("label=meshwright.mesh=own")).not.toEqual([]);
    await engine.kill();
    await expectEndedWell(command);
    await expectStartsAgain();
  });

  it("is told while the mesh runs, after a kill", async () => {
    await using command = up();
    await command.until(/The mesh "own" runs on .* in containers/);
    await engine.kill();
    await expectEndedWell(command);
    await expectStartsAgain();
  });

  it("is told while the mesh runs, after an orderly stop", async () => {
    await using command = up();
    await command.until(/The mesh "own" runs on .* in containers/);
    await engine.stop();
    await expectEndedWell(command);
    await expectStartsAgain();
  });

  it("is told while the mesh ends", async () => {
    await using command = up();
    await command.until(/The mesh "own" runs on .* in containers/);
    command.kill("SIGINT");
    await command.until(/Stopping/);
    await engine.kill();
    await expectEndedWell(command);
    await expectStartsAgain();
  });
});
