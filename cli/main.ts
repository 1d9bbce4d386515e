// Finds the command that the command line names, runs it, and turns its end into an exit code.

import { readFileSync } from "node:fs";
import path from "node:path";
import { Command } from "commander";
import { PACKAGE_ROOT } from "../envoy/package-root.js";
import { addBuild } from "./commands/build.js";
import { addIdentity } from "./commands/identity.js";
import { addImage } from "./commands/image.js";
import { addInit } from "./commands/init.js";
import { addInspect } from "./commands/inspect.js";
import { addNew } from "./commands/new.js";
import { addPack } from "./commands/pack.js";
import { addPush } from "./commands/push.js";
import { addRender } from "./commands/render.js";
import { addRun } from "./commands/run.js";
import { addTest } from "./commands/test.js";
import { addUp } from "./commands/up.js";
import { addValidate } from "./commands/validate.js";
import { describeFailure } from "./failures.js";
import { FileOutput, isFile } from "./file-output.js";
import { type Output, Screen } from "./screen.js";

/** The streams and the environment that the commands use. */
export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  /** Why standard output lacks a part of what was written; undefined where it is whole. */
  readonly unwritten?: () => NodeJS.ErrnoException | undefined;
}

/** Runs one command and returns the process's exit code. Never throws. */
export async function main(args: readonly string[], terminal: Terminal = ownTerminal()): Promise<number> {
  const { stdout, stderr, env } = terminal;
  const screen = new Screen(stdout, env);
  try {
    await program(screen, terminal, new Screen(stderr, env)).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    const { lines, exitCode } = describeFailure(error, env.MESHWRIGHT_DEBUG === "1");
    for (const line of lines) stderr.write(`${line}\n`);
    return exitCode;
  }
}

function program(screen: Screen, { stdout, unwritten }: Terminal, err: Screen): Command {
  const root = new Command("meshwright")
    .description("Mesh logic for stock Envoy: builds, checks and runs proxy-wasm filters.")
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      // Help after a mistake goes to the same stream as requested help. `describeFailure` describes
      // errors.
      writeErr: (text) => void (text.startsWith("error:") || stdout.write(text)),
      getOutHelpWidth: () => screen.width,
      getErrHelpWidth: () => screen.width,
    })
    .helpCommand(false)
    .addHelpText(
      "after",
      "\nmeshwright COMMAND --help says more about a command, with examples and exit codes.",
    );
  addUp(root, screen);
  addInit(root, screen);
  addRun(root, screen);
  addNew(root, screen);
  addBuild(root, screen);
  addIdentity(root, screen);
  addImage(root, screen);
  addInspect(root, screen);
  addPack(root, screen);
  addPush(root, screen);
  addRender(root, { out: screen, err, unwritten });
  addTest(root, screen);
  addValidate(root, screen);
  return root;
}

function packageVersion(): string {
  return JSON.parse(readFileSync(path.join(PACKAGE_ROOT, "package.json"), "utf8")).version;
}

function ownTerminal(): Terminal {
  let failure: NodeJS.ErrnoException | undefined;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // The reader has gone, as with `meshwright up | head`: end in an orderly way, as after
      // Ctrl-C.
      if (error.code === "EPIPE") process.kill(process.pid, "SIGTERM");
      else if (stream === process.stdout) failure = error;
    });
  }
  const file = isFile(1) ? new FileOutput(1) : undefined;
  return {
    stdout: file ?? process.stdout,
    unwritten: () => file?.failure ?? failure,
    stderr: isFile(2) ? new FileOutput(2) : process.stderr,
    env: process.env,
  };
}
