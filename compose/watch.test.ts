import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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
  await expect.poll(() => onChange).toHaveBeenCalled();
});

it("goes on after a rename", async () => {
  const onChange = vi.fn(async () => {});
  using _watch = await watchContent(file, onChange);
  await renameInto("2");
  await expect.poll(() => onChange).toHaveBeenCalledTimes(1);
  await renameInto("3");
  await expect.poll(() => onChange).toHaveBeenCalledTimes(2);
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

describe("behind links", () => {
  const inFolder = (...names: string[]) => path.join(folder, ...names);
  /** Replaces a link at once, as `ln -sfn` and Kubernetes do. */
  const relink = async (target: string, link: string) => {
    await symlink(target, `${link}_tmp`);
    await rename(`${link}_tmp`, link);
  };
  const told = async (onChange: ReturnType<typeof vi.fn>, times: number) =>
    expect.poll(() => onChange).toHaveBeenCalledTimes(times);

  beforeEach(async () => {
    for (const name of ["a", "b"]) {
      await mkdir(inFolder(name));
      await writeFile(inFolder(name, "f.yaml"), name);
    }
  });

  it("reports a file that a chain of links leads to, and each link that is replaced", async () => {
    await symlink("a/f.yaml", inFolder("second"));
    await symlink(inFolder("second"), inFolder("first"));
    const onChange = vi.fn(async () => {});
    using _watch = await watchContent(inFolder("first"), onChange);
    await writeFile(inFolder("a", "f.yaml"), "2");
    await told(onChange, 1);
    await writeFile(inFolder("a", "new"), "3");
    await rename(inFolder("a", "new"), inFolder("a", "f.yaml"));
    await told(onChange, 2);
    await relink("b/f.yaml", inFolder("second"));
    await told(onChange, 3);
    await writeFile(inFolder("b", "f.yaml"), "4");
    await told(onChange, 4);
    await relink("a/f.yaml", inFolder("first"));
    await told(onChange, 5);
    // Nothing leads there any more.
    await writeFile(inFolder("b", "f.yaml"), "5");
    await delay(200);
    expect(onChange).toHaveBeenCalledTimes(5);
  });

  it("reports what Kubernetes swaps where it mounts a ConfigMap", async () => {
    const mount = inFolder("mount");
    const version = async (name: string, content: string) => {
      await mkdir(path.join(mount, name), { recursive: true });
      await writeFile(path.join(mount, name, "f.yaml"), content);
    };
    await version("..2026_1", "1");
    await symlink("..2026_1", path.join(mount, "..data"));
    await symlink("..data/f.yaml", path.join(mount, "f.yaml"));
    const onChange = vi.fn(async () => {});
    using _watch = await watchContent(path.join(mount, "f.yaml"), onChange);
    for (const [i, name] of ["..2026_2", "..2026_3"].entries()) {
      await version(name, name);
      await relink(name, path.join(mount, "..data"));
      await rm(path.join(mount, `..2026_${i + 1}`), { recursive: true });
      await told(onChange, i + 1);
    }
  });

  it("reports the files of a folder that is a link, and of one above that is replaced", async () => {
    await mkdir(inFolder("a", "deep"));
    await mkdir(inFolder("b", "deep"));
    await symlink("a", inFolder("link"));
    const seen: (readonly string[])[] = [];
    const place = inFolder("link", "deep");
    using watch = new FolderWatch(
      (name) => name.endsWith(".ts"),
      async (changed) => void seen.push(changed),
    );
    watch.follow([place]);
    await writeFile(inFolder("a", "deep", "one.ts"), "1");
    await expect.poll(() => seen).toEqual([[path.join(place, "one.ts")]]);
    await writeFile(inFolder("b", "deep", "one.ts"), "2");
    await relink("b", inFolder("link"));
    await expect.poll(() => seen).toHaveLength(2);
    await symlink("../../f.yaml", inFolder("b", "deep", "two.ts"));
    await expect.poll(() => seen[2]).toEqual([path.join(place, "two.ts")]);
    await writeFile(file, "3");
    await expect.poll(() => seen[3]).toEqual([path.join(place, "two.ts")]);
  });

  it("reports a file that a link leads to once it is there, and does not follow a circle", async () => {
    await symlink("nowhere/f.yaml", inFolder("first"));
    await symlink("circle", inFolder("circle"));
    const onChange = vi.fn(async () => {});
    using _circle = await watchContent(inFolder("circle"), onChange);
    using _watch = await watchContent(inFolder("first"), onChange);
    await mkdir(inFolder("nowhere"));
    await writeFile(inFolder("nowhere", "f.yaml"), "1");
    await told(onChange, 1);
    await unlink(inFolder("circle"));
    await writeFile(inFolder("circle"), "1");
    await told(onChange, 2);
  });

  it("reports a file whose folder was removed, with the one above, and made again", async () => {
    await mkdir(inFolder("a", "deep"));
    await writeFile(inFolder("a", "deep", "f.yaml"), "1");
    const onChange = vi.fn(async () => {});
    using _watch = await watchContent(inFolder("a", "deep", "f.yaml"), onChange);
    for (const content of ["2", "3"]) {
      await rm(inFolder("a"), { recursive: true });
      await mkdir(inFolder("a", "deep"), { recursive: true });
      await writeFile(inFolder("a", "deep", "f.yaml"), content);
      await told(onChange, Number(content) - 1);
    }
    await writeFile(inFolder("a", "deep", "f.yaml"), "4");
    await told(onChange, 3);
  });
});

it("reports a new file, a removed one, and several together, and nothing else", async () => {
  const told: (readonly string[])[] = [];
  const onChange = async (changed: readonly string[]) => void told.push([...changed].sort());
  using watch = new FolderWatch((name) => name.endsWith(".ts"), onChange);
  watch.follow([folder, path.join(folder, "nowhere")]);
  const [one, two] = [path.join(folder, "one.ts"), path.join(folder, "two.ts")];
  await Promise.all([one, two, file].map((name) => writeFile(name, "1")));
  await expect.poll(() => told).toEqual([[one, two]]);
  await rm(one);
  await expect.poll(() => told).toEqual([[one, two], [one]]);
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
