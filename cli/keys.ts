// The keys that a running command takes on a terminal: `r` starts one of its parts again.

import type { Screen } from "./screen.js";

/** The part of a terminal's input that is used here. */
export interface KeyInput {
  readonly isTTY?: boolean;
  setRawMode(isRaw: boolean): unknown;
  on(event: "data", listener: (data: Buffer | string) => void): unknown;
  off(event: "data", listener: (data: Buffer | string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

export interface Restartable {
  /** What can be started again. */
  readonly partNames: readonly string[];
  /** Never rejects. @param name one of `partNames` */
  restart(name: string): Promise<void>;
}

const CTRL_C = "\u0003";
const ESCAPE = "\u001b";
const ENTER = /[\r\n]/;
const BACKSPACE = ["\b", "\u007f"];

/** Whether keys are taken: the input and the output are a terminal. */
export function takesKeys(input: KeyInput, screen: Screen): boolean {
  return input.isTTY === true && screen.interactive;
}

/** Takes keys until it is disposed of. Does nothing outside a terminal. */
export function listenForKeys(input: KeyInput, screen: Screen, parts: Restartable): Disposable {
  if (!takesKeys(input, screen)) return { [Symbol.dispose]: () => {} };
  const keys = new Keys(screen, parts);
  const onData = (data: Buffer | string) => {
    for (const key of data.toString()) keys.take(key);
  };
  input.setRawMode(true);
  input.on("data", onData);
  input.resume();
  return {
    [Symbol.dispose]: () => {
      input.off("data", onData);
      input.setRawMode(false);
      input.pause();
    },
  };
}

class Keys {
  readonly #screen: Screen;
  readonly #parts: Restartable;
  /** What was typed after `r`; undefined while nothing is asked. */
  #typed: string | undefined;

  constructor(screen: Screen, parts: Restartable) {
    this.#screen = screen;
    this.#parts = parts;
  }

  take(key: string): void {
    // Without the terminal's own handling, Ctrl-C is a character like others.
    if (key === CTRL_C) process.kill(process.pid, "SIGINT");
    else if (this.#typed !== undefined) this.#answer(this.#typed, key);
    else if (key === "r") this.#ask();
  }

  #ask(): void {
    const [only, ...others] = this.#parts.partNames;
    if (only === undefined) return;
    if (others.length === 0) this.#restart(only);
    else this.#show("");
  }

  #answer(typed: string, key: string): void {
    if (key === ESCAPE) this.#close();
    else if (BACKSPACE.includes(key)) this.#show(typed.slice(0, -1));
    else if (!ENTER.test(key)) this.#show(typed + key);
    else this.#choose(typed.trim());
  }

  #show(typed: string): void {
    this.#typed = typed;
    const found = this.#matching(typed).slice(0, 4).join(", ");
    this.#screen.prompt(`restart (a part of its name, Enter; Esc leaves): ${typed}_  ${found}`);
  }

  #close(): void {
    this.#typed = undefined;
    this.#screen.prompt(undefined);
  }

  #choose(typed: string): void {
    this.#close();
    const found = this.#matching(typed);
    const [first] = found;
    if (typed === "" || first === undefined) this.#screen.print([`nothing is named "${typed}"`]);
    else if (found.length === 1) this.#restart(first);
    else
      this.#screen.print(
        this.#screen.folded([`"${typed}" is a part of ${found.join(", ")}: type more of it`]),
      );
  }

  /** The part of exactly that name alone, or all whose names contain the text. */
  #matching(typed: string): readonly string[] {
    const names = this.#parts.partNames;
    const exact = names.filter((name) => name === typed);
    return exact.length > 0 ? exact : names.filter((name) => name.includes(typed));
  }

  #restart(name: string): void {
    this.#screen.print([`restarting ${name} …`]);
    void this.#parts.restart(name);
  }
}
