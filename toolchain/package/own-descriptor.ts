// Reads the descriptor of an author's filter: the default export of the `descriptor.ts` beside its
// entry file, or without that file the schema of its `schema.ts`. Everything that an author wrote
// is checked: the descriptor, and the results of its functions.

import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";
import { checkValue, formatProblem, type Problem } from "../../envoy/problems.js";
import type { FilterDescriptor } from "../../filters/descriptor.js";
import { writtenHeaderName } from "../../filters/shared/match-schema.js";
import { isSchema, ownSchema } from "./own-schema.js";
import { runSource } from "./run-source.js";

const FILE = "descriptor.ts";

/** The files of a filter's folder that describe it and are not part of its module. */
export const DESCRIPTIONS: readonly string[] = [FILE, "schema.ts"];

const named = z.array(
  z.strictObject({
    name: z.string().min(1, "must not be empty"),
    path: z.array(z.union([z.string(), z.number()])),
  }),
);
const pairs = z.array(z.tuple([z.string(), z.string()]));

type Fact = "name" | "summary" | "schema" | "sizeBudget" | "metricLabels";

/** What each function must return. */
const ANSWERS = {
  chain: z.enum(["downstream", "upstream"], 'must be "downstream" or "upstream"'),
  destinations: named,
  choosesDestination: z.boolean(),
  destinationHeader: writtenHeaderName,
  mirrors: named,
  grpcServices: named,
  httpServices: named,
  restartKeys: z.record(z.string(), z.unknown()),
  sharedData: z.string().min(1, "must not be empty").optional(),
  inCluster: z.json(),
  routerHeaders: z.array(writtenHeaderName),
  outlierHeaders: z.array(writtenHeaderName),
  refusedRetryConditions: z.record(z.string(), z.string()),
  explainProperties: z.array(z.string().min(1, "must not be empty")),
  states: z.array(
    z.strictObject({
      gauge: z.string().min(1, "must not be empty"),
      words: z.string().min(1, "must not be empty"),
    }),
  ),
  describe: z.array(z.string()),
  tries: z.array(
    z.strictObject({
      path: z.string().startsWith("/", 'must begin with "/"').optional(),
      headers: pairs.optional(),
      cookies: pairs.optional(),
    }),
  ),
} satisfies Record<Exclude<keyof FilterDescriptor, Fact>, z.ZodType>;

type Question = keyof typeof ANSWERS;
type Answering = (config: unknown, ...more: readonly unknown[]) => unknown;

const QUESTIONS = Object.keys(ANSWERS) as readonly Question[];

const answering = z
  .custom<Answering>((value) => typeof value === "function", "must be a function")
  .exactOptional();
const FUNCTIONS = Object.fromEntries(QUESTIONS.map((question) => [question, answering])) as Readonly<
  Record<Question, typeof answering>
>;

const FACTS = {
  summary: z.string().regex(/^[^\n]+$/, "must be one line"),
  schema: z.custom<z.ZodType>(isSchema, "must be a schema of zod 4"),
  sizeBudget: z.int("must be a whole number").min(1, "must be 1 or more").exactOptional(),
  metricLabels: z
    .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be letters, digits and '_'"))
    .exactOptional(),
};

/**
 * Reads the descriptor from the files in their current form. Without a file, any configuration is
 * valid.
 * @param entry the filter's entry file
 * @param summary the summary of a filter that does not have its own
 * @throws MeshwrightError `build` where a file cannot be run, has no descriptor or no schema, or
 * has a wrong one. The descriptor's functions throw it too where they fail or return a wrong value.
 */
export async function ownDescriptor(name: string, entry: string, summary: string): Promise<FilterDescriptor> {
  const folder = path.dirname(entry);
  const file = path.join(folder, FILE);
  // Another entry file in the same folder is another filter.
  if (path.basename(entry) !== "index.ts" || !existsSync(file)) {
    return { name, summary, schema: await ownSchema(folder) };
  }
  const { default: given } = await runSource(file);
  if (given !== undefined) return checkedDescriptor(given, name, file);
  throw new MeshwrightError(
    "build",
    `${file} has no default export: write "export default defineFilter({ … })"`,
  );
}

function checkedDescriptor(given: unknown, name: string, file: string): FilterDescriptor {
  const ownName = z.literal(name, `must be ${name}, like the folder's`);
  const checked = checkValue(given, z.strictObject({ name: ownName, ...FACTS, ...FUNCTIONS }));
  if (!checked.ok) throw refusal(`${file}: `, checked.problems);
  const answers = QUESTIONS.flatMap((question) => {
    const answer = checked.value[question];
    return answer === undefined ? [] : [[question, checkedAnswers(question, answer, file)] as const];
  });
  const { summary, schema, sizeBudget, metricLabels } = checked.value;
  return {
    name,
    summary,
    schema,
    ...(sizeBudget === undefined ? {} : { sizeBudget }),
    ...(metricLabels === undefined ? {} : { metricLabels }),
    ...Object.fromEntries(answers),
  };
}

/** The function with a check of its result. */
function checkedAnswers(question: Question, answer: Answering, file: string): Answering {
  return (...asked) => {
    const given = attempt(() => answer(...asked), `${file}: ${question} fails: `);
    const checked = checkValue(given, ANSWERS[question]);
    if (checked.ok) return given;
    throw refusal(`${file}: ${question} returns a wrong value: `, checked.problems);
  };
}

function attempt(act: () => unknown, before: string): unknown {
  try {
    return act();
  } catch (error) {
    const [reason = "", ...details] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new MeshwrightError("build", `${before}${reason}`, details, { cause: error });
  }
}

function refusal(before: string, problems: readonly Problem[]): MeshwrightError {
  const [first = "", ...rest] = problems.map(formatProblem);
  return new MeshwrightError("build", `${before}${first}`, rest);
}
