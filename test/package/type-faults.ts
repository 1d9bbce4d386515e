// Problems that attw finds in the package and that are intended. Every other problem is a fault,
// and so is an exception that is no longer needed.

import type { CheckResult, Problem } from "@arethetypeswrong/core";

interface Exception {
  readonly reason: string;
  readonly covers: (problem: Problem) => boolean;
}

const EXCEPTIONS: readonly Exception[] = [
  {
    reason: "meshwright has only ES modules, and every Node that it supports can require() them",
    covers: (problem) => problem.kind === "CJSResolvesToESM",
  },
  {
    // The same holds for an author's own AssemblyScript: `meshwright new` writes a tsconfig.json
    // for it that resolves as bundlers do.
    reason: "AssemblyScript's imports have no extensions, and Node's resolution of ES modules demands them",
    covers: (problem) =>
      problem.kind === "InternalResolutionError" &&
      problem.resolutionOption === "node16" &&
      /^\/node_modules\/meshwright\/(assembly|proxy-runtime)\/.*\.ts$/.test(problem.fileName) &&
      !/\.[a-z]+$/.test(problem.moduleSpecifier),
  },
];

/** A line for each problem that no exception covers, and for each exception without a problem. */
export function typeFaults(result: CheckResult): readonly string[] {
  if (result.types === false) return ["it has no types"];
  const { problems } = result;
  const unexpected = problems.filter((problem) => !EXCEPTIONS.some(({ covers }) => covers(problem)));
  const unused = EXCEPTIONS.filter(({ covers }) => !problems.some(covers));
  return [
    ...unexpected.map(describe),
    ...unused.map(({ reason }) => `an exception is no longer needed, remove it: ${reason}`),
  ];
}

function describe(problem: Problem): string {
  const { kind } = problem;
  if ("entrypoint" in problem) return `${problem.entrypoint}: ${kind} with ${problem.resolutionKind}`;
  if (kind === "InternalResolutionError") {
    return `${problem.fileName}: ${kind} of ${problem.moduleSpecifier} with ${problem.resolutionOption}`;
  }
  return `${"fileName" in problem ? problem.fileName : problem.typesFileName}: ${kind}`;
}
