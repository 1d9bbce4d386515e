import { describe, expect, it } from "vitest";
import { columns, Screen } from "./screen.js";

function screen(facts: { isTTY?: boolean; columns?: number; rows?: number }, env: NodeJS.ProcessEnv = {}) {
  const written: string[] = [];
  return { written, screen: new Screen({ ...facts, write: (text) => written.push(text) }, env) };
}

describe("Screen", () => {
  it("draws a block in place, in one write", () => {
    const { screen: tty, written } = screen({ isTTY: true, columns: 40, rows: 10 });
    tty.draw(["a", "b"]);
    tty.draw(["c", "d"]);
    expect(written).toEqual(["a\u001b[K\nb\u001b[K\n\u001b[J", "\u001b[2A\rc\u001b[K\nd\u001b[K\n\u001b[J"]);
  });

  it("writes lines above the block", () => {
    const { screen: tty, written } = screen({ isTTY: true, rows: 10 });
    tty.draw(["block"]);
    tty.print(["line"]);
    expect(written[1]).toBe("\u001b[1A\r\u001b[Jline\nblock\u001b[K\n");
  });

  it("writes below a block that stays", () => {
    const { screen: tty, written } = screen({ isTTY: true, rows: 10 });
    tty.draw(["block"]);
    tty.settle();
    tty.print(["line"]);
    expect(written[1]).toBe("line\n");
  });

  it("cuts a block that is higher than the screen", () => {
    const { screen: tty, written } = screen({ isTTY: true, rows: 3 });
    tty.draw(["a", "b", "c", "d"]);
    expect(written.join("")).not.toContain("c");
  });

  it("writes plain lines outside a terminal", () => {
    const { screen: pipe, written } = screen({});
    pipe.draw(["a"]);
    pipe.draw(["b"]);
    expect(written).toEqual(["a\n", "b\n"]);
    expect(pipe.colours).toBe(false);
  });

  it("uses colours on a terminal unless NO_COLOR is set", () => {
    expect(screen({ isTTY: true }).screen.colours).toBe(true);
    expect(screen({ isTTY: true }, { NO_COLOR: "1" }).screen.colours).toBe(false);
    expect(screen({ isTTY: true }, { TERM: "dumb" }).screen.interactive).toBe(false);
  });

  it("breaks lines at spaces where a terminal would break words, keeps their indent, and never breaks a word", () => {
    const { screen: tty } = screen({ isTTY: true, columns: 16 });
    const lines = ["short", "  one two three four", "http://127.0.0.1:10000/ no", "", "exactly sixteen!"];
    expect(tty.folded(lines)).toEqual([
      "short",
      "  one two three",
      "      four",
      "http://127.0.0.1:10000/",
      "    no",
      "",
      "exactly sixteen!",
    ]);
  });

  it("leaves lines whole outside a terminal, so that they can be searched", () => {
    const line = "word ".repeat(40);
    expect(screen({ columns: 16 }).screen.folded([line])).toEqual([line]);
  });
});

it("puts words into columns", () => {
  expect(
    columns([
      ["a", "one"],
      ["long", "two"],
    ]),
  ).toEqual(["a     one", "long  two"]);
  expect(columns([])).toEqual([]);
});
