// The tables of options on the filters' pages, and on that of traffic policy, state the limits and
// defaults of the schemas.

import { describe, expect, test } from "vitest";
import { z } from "zod";
import { policyShape } from "../../compose/mesh/policy/shape.js";
import { retriesSchema } from "../../compose/retry-options.js";
import { FILTERS } from "../../filters/catalog.js";
import { filterSchema } from "../../filters/template/schema.js";
import { textOf } from "./tracked.js";

const FILTER_PAGES = [...FILTERS, { name: "template", schema: filterSchema }].map(({ name, schema }) => ({
  page: `filters/${name}/README.md`,
  schema,
}));
const POLICY_PAGE = {
  page: "docs/traffic-policy.md",
  schema: z.strictObject({ ...policyShape, retries: retriesSchema }),
};

interface Node {
  readonly description?: string;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

interface Row {
  /** The option's path, such as `rules[].name`. */
  readonly option: string;
  readonly type: string;
  readonly fallback: string;
}

const cellsOf = (line: string) => line.split(/(?<!\\)\|/).map((cell) => cell.trim());

/** The rows that are each about one option. In a table `option of X` they are options within X. */
function rowsOf(page: string): readonly Row[] {
  const tables = [...page.matchAll(/^\| option.*\n(?:\|.*\n?)+/gm)].map(([table]) => table.split("\n"));
  return tables.flatMap(([head = "", , ...lines]) => {
    const names = cellsOf(head);
    const [, parent] = /^option of `(.*)`$/.exec(names[1] ?? "") ?? [];
    const cell = (cells: readonly string[], ...titles: string[]) =>
      cells[names.findIndex((name) => titles.includes(name))] ?? "";
    return lines.flatMap((line) => {
      const cells = cellsOf(line);
      const [, option] = /^`([^`]*)`$/.exec(cells[1] ?? "") ?? [];
      if (option === undefined) return [];
      const place = parent === undefined ? option : `${parent}.${option}`;
      return [{ option: place, type: cell(cells, "type", "what it is"), fallback: cell(cells, "default") }];
    });
  });
}

function nodeAt(root: Node, option: string): Node | undefined {
  const keys = option.replaceAll("[]", ".[]").split(".");
  return keys.reduce<Node | undefined>(
    (node, key) => (key === "[]" ? node?.items : node?.properties?.[key]),
    root,
  );
}

const GIB = 1024 ** 3;
const NUMBER = String.raw`(\d[\d,]*)( GiB)?`;
const amount = (digits = "0", unit?: string) =>
  Number(digits.replaceAll(",", "")) * (unit === undefined ? 1 : GIB);

/** The bounds in a cell: `1 to 1,000`, `up to 64`; undefined when there are none. */
function statedBounds(type: string): readonly [min: number | undefined, max: number] | undefined {
  const range = new RegExp(`${NUMBER} to ${NUMBER}`).exec(type);
  if (range) return [amount(range[1], range[2]), amount(range[3], range[4])];
  const most = new RegExp(String.raw`up to ${NUMBER}(?![\d,]| KiB| bytes)`).exec(type);
  return most ? [undefined, amount(most[1], most[2])] : undefined;
}

function boundsOf(node: Node): readonly [min: number | undefined, max: number | undefined] {
  if (node.type === "array") return [node.minItems, node.maxItems];
  if (node.pattern === undefined) return [node.minimum, node.maximum];
  const [, min, max] = /\{(\d+),(\d+)\}\$$/.exec(node.pattern) ?? [];
  return [Number(min), Number(max)];
}

/** The one value that a cell gives as the default; undefined when it uses words. */
function statedDefault(fallback: string): string | undefined {
  const [, code, number] = /^(?:`\[?([^`:\]]+)\]?`|([\d,]*\d|true|false)(?![\w%]).*)$/.exec(fallback) ?? [];
  return code ?? number?.replaceAll(",", "");
}

test("bounds and defaults are read from cells", () => {
  expect(statedBounds("list of 1 to 1,000, each once")).toEqual([1, 1000]);
  expect(statedBounds("0 to 1 GiB")).toEqual([0, GIB]);
  expect(statedBounds("list, up to 10,000, 1 MiB as JSON")).toEqual([undefined, 10_000]);
  expect(statedBounds("up to 64 KiB")).toBeUndefined();
  expect(statedDefault("`[w3c, b3]`")).toBe("w3c, b3");
  expect(statedDefault("1,024; by header more")).toBe("1024");
  expect(statedDefault("the rule's name")).toBeUndefined();
});

describe.each([...FILTER_PAGES, POLICY_PAGE])("$page", ({ page, schema }) => {
  const root = z.toJSONSchema(schema, { io: "input" }) as Node;
  const rows = rowsOf(textOf(page));

  test.each(rows)("states the bounds of $option", ({ option, type }) => {
    const node = nodeAt(root, option);
    expect(node, "the option exists").toBeDefined();
    const stated = statedBounds(type);
    if (stated === undefined || node === undefined || node.type === "object") return;
    const [min, max] = boundsOf(node);
    expect([stated[0] === undefined ? undefined : min, max]).toEqual(stated);
  });

  test.each(
    rows.flatMap(({ option, fallback }) => {
      const value = nodeAt(root, option)?.type === "object" ? undefined : statedDefault(fallback);
      return value === undefined ? [] : [{ option, value }];
    }),
  )("states $value as the default of $option", ({ option, value }) => {
    const { description = "" } = nodeAt(root, option) ?? {};
    const [, said = ""] = /Default:? (.*)$/.exec(description) ?? [];
    expect(said.startsWith(value) && !/^[\w-]/.test(said.slice(value.length)), said).toBe(true);
  });
});
