import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { AdminClient } from "./admin.js";
import { LiveFilter, writeAtomically } from "./live-file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "live-file-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("replaces a file, readable for everybody, and leaves no other file beside it", async () => {
  const file = path.join(folder, "a.json");
  await writeFile(file, "old");
  await chmod(file, 0o600);
  await writeAtomically(file, "new");
  expect(await readFile(file, "utf8")).toBe("new");
  expect((await stat(file)).mode & 0o777).toBe(0o644);
  expect(await readdir(folder)).toEqual(["a.json"]);
});

it("says which file cannot be written, and leaves no other file beside it", async () => {
  const missing = path.join(folder, "missing", "a.json");
  await expect(writeAtomically(missing, "new")).rejects.toMatchObject({
    code: "write-failed",
    message: expect.stringContaining(`cannot write ${missing} (ENOENT)`),
  });
  await expect(writeAtomically(folder, "new")).rejects.toMatchObject({ code: "write-failed" });
  expect(await readdir(folder)).toEqual([]);
});

it("says when the answer does not come from Envoy's admin", async () => {
  const server = createServer((_request, response) => response.end("<html>"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const filter = new LiveFilter({
      admin: new AdminClient(url),
      logs: () => "",
      name: "f",
      path: path.join(folder, "a.json"),
    });
    await expect(filter.apply({ resources: [] })).rejects.toMatchObject({
      code: "envoy-failed",
      message: expect.stringMatching(/^what answers at http:.* is not Envoy's admin: it sends no JSON$/),
    });
  } finally {
    server.close();
  }
});
