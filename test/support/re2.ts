// RE2 itself, which Envoy uses: PyPI's google-re2, which pip installs once, into the cache.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { cacheFolder } from "../../envoy/runtime/find.js";
import type { Pairs } from "./regex-pairs.js";

const VERSION = "1.1.20251105";
const INSTALL_MS = 60_000;

/** Answers each line, a pattern and texts in hexadecimal digits, by a line as `Re2.ask` says. */
const PROGRAM = `
import sys, re2
options = re2.Options()
options.log_errors = False
options.never_capture = True
for line in sys.stdin.buffer:
    pattern, *texts = [bytes.fromhex(word.decode()) for word in line.rstrip(b"\\n").split(b" ")]
    try:
        regex = re2.compile(pattern, options)
    except re2.error:
        print("refused", flush=True)
        continue
    print("".join("1" if regex.fullmatch(text) else "0" for text in texts), flush=True)
`;

const folder = () => path.join(cacheFolder(process.env), "google-re2", VERSION);

/** Whether it is in the cache, or pip can bring it there. */
export function hasRe2(): boolean {
  if (existsSync(folder())) return true;
  const parent = path.dirname(folder());
  mkdirSync(parent, { recursive: true });
  // Installed beside its final place and moved in one step, since another process may do so too.
  const temporary = mkdtempSync(path.join(parent, ".install-"));
  const args = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-deps",
    "--target",
    temporary,
    `google-re2==${VERSION}`,
  ];
  const { status } = spawnSync("python3", args, { timeout: INSTALL_MS });
  if (status === 0 && !existsSync(folder())) renameSync(temporary, folder());
  else rmSync(temporary, { recursive: true, force: true });
  return existsSync(folder());
}

/** A process that knows RE2. Disposing of it ends it. */
export class Re2 implements AsyncDisposable {
  private readonly lines: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static start(): Re2 {
    return new Re2(spawn("python3", ["-c", PROGRAM], { env: { ...process.env, PYTHONPATH: folder() } }));
  }

  /** For each pattern `refused`, or a digit for each text: 1 if all of it matches, else 0. */
  async ask(batch: readonly Pairs[]): Promise<readonly string[]> {
    const hex = (bytes: Buffer) => bytes.toString("hex");
    const lines = batch.map(({ pattern, texts }) => [Buffer.from(pattern), ...texts].map(hex).join(" "));
    this.child.stdin.write(`${lines.join("\n")}\n`);
    const answers: string[] = [];
    while (answers.length < batch.length) answers.push(String((await this.lines.next()).value));
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.stdin.end();
    if (this.child.exitCode === null) await once(this.child, "exit");
  }
}
