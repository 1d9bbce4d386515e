// Container images of Debian's packages, for programs whose official images cannot be pulled. Each
// is made once, on Debian, and stays with the engine.

import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const BUILD_MS = 600_000;
const MAX_OUTPUT = 16 * 1024 * 1024;
/** What packages need to be installed, and no program needs to run. */
const UNNEEDED =
  /^(adduser|apt|base-files|cdebconf|debconf|dpkg|gcc-\d+-base|init-system-helpers|install-info|libc-l10n|libllvm|locales|lsb-base|mawk|passwd|perl|libperl|postgresql-client-common|postgresql-common|sensible-utils|ssl-cert|systemd|sysvinit|tar|ucf)/;
/** Debian's folders since it has only those in /usr. */
const LINKED = ["bin", "sbin", "lib", "lib64"];
const BASE = ["bash", "coreutils", "dash", "sed"];

export interface DebianImage {
  /** With its tag, which a change of the content changes. */
  readonly name: string;
  readonly packages: readonly string[];
  /** Folders of programs beside the usual ones. */
  readonly path?: string;
  /** A script that runs what it is given. */
  readonly entrypoint?: string;
  readonly command?: readonly string[];
}

/** The name of the image, once the engine has it. */
export async function debianImage(image: DebianImage): Promise<string> {
  const { name } = image;
  const isHere = await run("docker", ["image", "inspect", name]).then(
    () => true,
    () => false,
  );
  if (!isHere) await build(image);
  return name;
}

async function build({
  name,
  packages,
  path: folders = "/usr/local/bin",
  entrypoint,
  command = [],
}: DebianImage): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "meshwright-debian-"));
  try {
    const root = path.join(folder, "root");
    for (const linked of LINKED) {
      await mkdir(path.join(root, "usr", linked), { recursive: true });
      await symlink(path.join("usr", linked), path.join(root, linked));
    }
    await unpack(await closure([...BASE, ...packages]), folder, root);
    await mkdir(path.join(root, "tmp"), { mode: 0o1777 });
    await chmod(path.join(root, "tmp"), 0o1777);
    await mkdir(path.join(root, "etc"), { recursive: true });
    await writeFile(path.join(root, "etc", "passwd"), "root:x:0:0::/:/bin/sh\napp:x:999:999::/tmp:/bin/sh\n");
    await writeFile(path.join(root, "etc", "group"), "root:x:0:\napp:x:999:\n");
    if (entrypoint !== undefined) await writeFile(path.join(root, "entrypoint"), entrypoint, { mode: 0o755 });
    const changes = [
      `ENV PATH=${folders}:/usr/bin:/usr/sbin LC_ALL=C.UTF-8`,
      ...(entrypoint === undefined ? [] : ['ENTRYPOINT ["/entrypoint"]']),
      ...(command.length === 0 ? [] : [`CMD ${JSON.stringify(command)}`]),
    ];
    const archive = path.join(folder, "root.tar");
    await bounded("tar", ["-C", root, "--owner=0", "--group=0", "--numeric-owner", "-cf", archive, "."]);
    await bounded("docker", ["import", ...changes.flatMap((each) => ["--change", each]), archive, name]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The packages, and all that they need. */
async function closure(packages: readonly string[]): Promise<readonly string[]> {
  const no = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
  const options = ["--recurse", ...no.map((kind) => `--no-${kind}`)];
  const { stdout } = await bounded("apt-cache", ["depends", ...options, ...packages]);
  const names = stdout.split("\n").filter((line) => /^[a-z0-9]/.test(line));
  return [...new Set(names)].filter((name) => !UNNEEDED.test(name) && !name.includes(":"));
}

async function unpack(packages: readonly string[], folder: string, root: string): Promise<void> {
  await bounded("apt-get", ["download", ...packages], folder);
  const files = (await readdir(folder)).filter((file) => file.endsWith(".deb"));
  for (const file of files) {
    const archive = path.join(folder, `${file}.tar`);
    await bounded("sh", ["-c", `dpkg-deb --fsys-tarfile "${file}" > "${archive}"`], folder);
    // The old places of programs are links now, and stay links.
    await bounded("tar", ["-C", root, "--keep-directory-symlink", "-xf", archive]);
    await rm(archive);
  }
}

function bounded(command: string, args: readonly string[], cwd = tmpdir()) {
  return run(command, [...args], { cwd, timeout: BUILD_MS, maxBuffer: MAX_OUTPUT });
}
