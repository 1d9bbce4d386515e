import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FolderWatch, watchContent } from "./watch.js";

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "watch-"));
  file = path.join(folder, "f.yaml");
  await writeFile(file, "1");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function renameInto(content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

it.each([
  ["written in place", () => writeFile(file, "2")],
  ["renamed into place", () => renameInto("2")],
  ["removed and made again", () => rm(file).then(() => writeFile(file, "2"))],
])("reports a content %s", async (_how, edit) => {
  const onChange = vi.fn(async () => {});
  using _watch = await watchContent(file, onChange);
  await edit();
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled(), { timeout: 5_000 });
});

it("goes on after a rename", async () => {
  const onChange = vi.fn(async () => {});
  using _watch = await watchContent(file, onChange);
  await renameInto("2");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1), { timeout: 5_000 });
  await renameInto("3");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2), { timeout: 5_000 });
});

it("does not report other files or the same content, and nothing after its end", async () => {
  const onChange = vi.fn(async () => {});
  const watch = await watchContent(file, onChange);
  await writeFile(path.join(folder, "other.yaml"), "2");
  await writeFile(file, "1");
  await delay(300);
  watch[Symbol.dispose]();
  await writeFile(file, "2");
  await delay(300);
  expect(onChange).not.toHaveBeenCalled();
});

it("reports a new file, a removed one, and several together, and nothing else", async () => {
  const told: (readonly string[])[] = [];
  const onChange = async (changed: readonly string[]) => void told.push([...changed].sort());
  using watch = new FolderWatch((name) => name.endsWith(".ts"), onChange);
  watch.follow([folder, path.join(folder, "nowhere")]);
  const [one, two] = [path.join(folder, "one.ts"), path.join(folder, "two.ts")];
  await Promise.all([one, two, file].map((name) => writeFile(name, "1")));
  await vi.waitFor(() => expect(told).toEqual([[one, two]]), { timeout: 5_000 });
  await rm(one);
  await vi.waitFor(() => expect(told).toEqual([[one, two], [one]]), { timeout: 5_000 });
});

it("does not report a folder that it no longer follows", async () => {
  const onChange = vi.fn(async () => {});
  using watch = new FolderWatch(() => true, onChange);
  watch.follow([folder]);
  watch.follow([]);
  await writeFile(file, "2");
  await delay(300);
  expect(onChange).not.toHaveBeenCalled();
});
