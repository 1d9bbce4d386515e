// An author's terminals: commands as they are typed, each in its own shell, and what a Ctrl-C ends.

import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";

const FIRST_ANSWER_MS = 60_000;
const RETRY_MS = 200;
/**
 * curl's exit codes for a port where no server listens, and for a connection that ended without an
 * answer.
 */
const NO_ANSWER_YET = [7, 52, 56];

/** How a command ended. */
interface CommandEnd {
  /** null where a signal ended it. */
  readonly code: number | null;
  /** What it wrote to both outputs. */
  readonly output: string;
}

interface Terminal {
  readonly child: ChildProcess;
  /** What it wrote so far. */
  output: string;
  readonly ended: Promise<CommandEnd>;
}

/** Disposing of it kills what still runs. */
export class AuthorShell implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #running = new Set<Terminal>();
  readonly #background: Terminal[] = [];

  /** Its environment is this process's own, without what npm and vitest add to that. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#env = terminalEnvironment(process.env);
    process.once("exit", this.#kill);
  }

  /** Runs a command to its end. */
  run(command: string): Promise<CommandEnd> {
    return this.#open(command).ended;
  }

  /** Like `run`, repeated until a server answers at the command's address. */
  async runUntilAnswered(command: string): Promise<CommandEnd> {
    const deadline = Date.now() + FIRST_ANSWER_MS;
    for (;;) {
      const end = await this.run(command);
      if (!NO_ANSWER_YET.includes(end.code ?? 0) || Date.now() > deadline) return end;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** Starts a command in its own terminal, where it stays. */
  start(command: string): void {
    this.#background.push(this.#open(command));
  }

  /** What the started commands have written so far. */
  get backgroundOutput(): string {
    return this.#background.map(({ output }) => output).join("");
  }

  /** Ctrl-C in every terminal; settles when all commands have ended. */
  interrupt(): Promise<void> {
    return this.#end("SIGINT");
  }

  #open(command: string): Terminal {
    const child = spawn("bash", ["-e", "-c", command], {
      cwd: this.#folder,
      env: this.#env,
      // A process group of its own, because a terminal sends a signal to a group.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = new Promise<CommandEnd>((resolve) => {
      child.on("error", (error) => resolve({ code: null, output: error.message }));
      child.on("close", (code) => resolve({ code, output: terminal.output }));
    });
    const terminal: Terminal = { child, output: "", ended };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        terminal.output += text;
      });
    }
    this.#running.add(terminal);
    void ended.then(() => this.#running.delete(terminal));
    return terminal;
  }

  async #end(name: NodeJS.Signals): Promise<void> {
    const running = [...this.#running];
    for (const terminal of running) signal(terminal, name);
    await Promise.all(running.map(({ ended }) => ended));
  }

  readonly #kill = () => {
    for (const terminal of this.#running) signal(terminal, "SIGKILL");
  };

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#kill);
    await this.#end("SIGKILL");
  }
}

function signal({ child }: Terminal, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The process has just ended.
  }
}

/**
 * A terminal does not have the variables of the npm script and the test runner that this process
 * runs in, or this checkout's tools.
 */
function terminalEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ofRunner =
    /^(npm_(?!config_)|npm_config_local_prefix$|VITEST|TEST$|NODE_ENV$|NODE_OPTIONS$|INIT_CWD$)/;
  const folders = (env.PATH ?? "").split(path.delimiter);
  return {
    ...Object.fromEntries(Object.entries(env).filter(([name]) => !ofRunner.test(name))),
    PATH: folders.filter((folder) => !/[\\/]node_modules[\\/]/.test(folder)).join(path.delimiter),
  };
}
