import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { LogFile } from "./log-file.js";

let folder: string;
let file: string;
const states: (string | undefined)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "log-file-"));
  file = path.join(folder, "logs", "a.log");
  states.length = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = () => new LogFile(file, (_file, problem) => states.push(problem));
const content = () => readFile(file, "utf8").catch(() => "");

it("keeps what cannot be written, and writes it when it can", async () => {
  await writeFile(path.join(folder, "logs"), "a file, where a folder should be");
  const log = open();
  log.write("one");
  await expect.poll(() => states).toEqual(["EEXIST"]);
  log.write("two");
  await rm(path.join(folder, "logs"));
  await expect.poll(() => content()).toBe("one\ntwo\n");
  expect(states).toEqual(["EEXIST", undefined]);
  await log.end();
});

it("makes the file and its folder again that somebody has removed", async () => {
  const log = open();
  log.write("one");
  await expect.poll(() => content()).toBe("one\n");
  await rm(path.join(folder, "logs"), { recursive: true });
  log.write("two");
  await log.end();
  expect(await content()).toBe("two\n");
  expect(states).toEqual([]);
});

it("ends where nothing can be written, with a bounded memory", async () => {
  await mkdir(path.join(folder, "logs", "a.log"), { recursive: true });
  const log = open();
  for (let i = 0; i < 3_000; i++) log.write("x".repeat(1_000));
  await log.end();
  expect(states).toEqual(["EISDIR"]);
});
