// Reads a page of commands and changes into the steps that its reader takes, in their order. Does
// no input or output.

interface StepPlace {
  /** Line of the page on which the block begins. */
  readonly line: number;
  readonly text: string;
}

/** A block of the page. */
export type Step = StepPlace &
  (
    | {
        /** Commands, each on a line of its own. */
        readonly kind: "commands";
        /** `fails`: each ends with 1. `background`: they run until the end. */
        readonly outcome: "succeeds" | "fails" | "background";
      }
    | { readonly kind: "change" | "write"; readonly file: string }
    | { readonly kind: "configuration" }
  );

const OUTCOMES = { "": "succeeds", fails: "fails", background: "background" } as const;

/**
 * Reads the page's fenced blocks: `sh`, `sh fails` and `sh background` are commands, `diff` is a
 * change of the file that the text before names last, `yaml FILE` is a file to write, `yaml` alone
 * is configuration of Envoy.
 * @throws Error for any other block, so that nothing of the page is left out
 */
export function readSteps(page: string): readonly Step[] {
  const steps: Step[] = [];
  let file: string | undefined;
  let end = 0;
  for (const match of page.matchAll(/^```(\w*) ?(.*)\n((?:.*\n)*?)```$/gm)) {
    const [, language = "", note = "", text = ""] = match;
    file = [...page.slice(end, match.index).matchAll(/`(filters\/[^`]*\.\w+)`/g)].at(-1)?.[1] ?? file;
    end = match.index + match[0].length;
    const place = { line: page.slice(0, match.index).split("\n").length + 1, text };
    steps.push(stepOf(place, `${language} ${note}`.trim(), file));
  }
  return steps;
}

function stepOf(place: StepPlace, info: string, file: string | undefined): Step {
  const [language, note = ""] = info.split(" ");
  if (language === "sh" && note in OUTCOMES) {
    return { ...place, kind: "commands", outcome: OUTCOMES[note as keyof typeof OUTCOMES] };
  }
  if (info === "diff" && file !== undefined) return { ...place, kind: "change", file };
  if (language === "yaml") {
    return note === "" ? { ...place, kind: "configuration" } : { ...place, kind: "write", file: note };
  }
  throw new Error(`line ${place.line}: a block of "${info}" has no meaning here`);
}

/**
 * The text with the change made.
 * @throws Error if the lines that it starts from are missing, or occur twice
 */
export function changed(text: string, diff: string): string {
  const lines = diff.split("\n").slice(0, -1);
  const side = (other: string) =>
    lines
      .filter((line) => !line.startsWith(other))
      .map((line) => `${line.slice(1)}\n`)
      .join("");
  const [before, after] = [side("+"), side("-")];
  const parts = `\n${text}`.split(`\n${before}`);
  if (parts.length === 2) return parts.join(`\n${after}`).slice(1);
  throw new Error(`these lines occur ${parts.length - 1} times, not once:\n${before}\nin:\n${text}`);
}

/**
 * What the page says about an answer, in the comment behind the command: its status, and words for
 * the rest.
 */
export interface Answer {
  readonly status: string;
  readonly words: string | undefined;
}

/** A command, and what the comment behind it says about its answer. */
export function readCommand(line: string): { readonly command: string; readonly answer: Answer | undefined } {
  const [, command = line, status, words] = /^(.*?) +# (\d{3})(?:, (.*))?$/.exec(line) ?? [];
  return { command, answer: status === undefined ? undefined : { status, words } };
}
