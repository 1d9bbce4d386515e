import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PeerOptions, peersOf, withPeers } from "./peers.js";

let folder: string;
const at = (file: string) => join(folder, file);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bench-peers-"));
  await writeFile(at("one.wasm"), "");
  await writeFile(at("one.json"), '{"rules":[]}');
  await writeFile(at("number.json"), "1");
  await writeFile(at("broken.json"), "{");
});
afterAll(() => rm(folder, { recursive: true }));

function read(...args: readonly string[]) {
  const command = withPeers(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return peersOf(command.parse([...args], { from: "user" }).opts<PeerOptions>());
}

test("each peer has its settings, or an empty object", () => {
  const one = `one=${at("one.wasm")}`;
  const two = `two=${at("one.wasm")}`;
  expect(read("--peer", one, "--peer", two, "--peer-config", `one=${at("one.json")}`)).toEqual([
    { name: "one", path: at("one.wasm"), configuration: { rules: [] } },
    { name: "two", path: at("one.wasm"), configuration: {} },
  ]);
  expect(read()).toEqual([]);
});

test.each([
  [["--peer", "one.wasm"], "Write NAME=FILE.wasm."],
  [["--peer", "one=none.wasm"], "There is no file none.wasm."],
  [["--peer-config", "one"], "Write NAME=FILE.json."],
  [["--peer-config", "one=none.json"], "none.json cannot be read: ENOENT"],
])("%j is refused: %s", (args, reason) => {
  expect(() => read(...args)).toThrow(reason);
});

test("settings that are no object, that do not parse, or of no peer are refused", () => {
  expect(() => read("--peer-config", `one=${at("number.json")}`)).toThrow("number.json holds no object");
  expect(() => read("--peer-config", `one=${at("broken.json")}`)).toThrow("broken.json cannot be read");
  expect(() => read("--peer-config", `one=${at("one.json")}`)).toThrow(
    "--peer-config one: no --peer has this name",
  );
});
