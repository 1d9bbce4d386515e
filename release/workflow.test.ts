// The workflow of a release: it can do only what it must, runs no action that may change under it,
// and calls commands that exist.

import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { PACKAGE_ROOT } from "../envoy/package-root.js";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Workflow {
  readonly on: { readonly push: { readonly tags: readonly string[] } };
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, { readonly permissions: object; readonly steps: readonly Step[] }>>;
}

const read = (file: string) => readFileSync(path.join(PACKAGE_ROOT, file), "utf8");
const text = read(".github/workflows/release.yaml");
const workflow = parse(text) as Workflow;
const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
const scripts = steps.map(({ run = "" }) => run).join("\n");

test("a tag alone starts it", () => {
  expect(workflow.on).toEqual({ push: { tags: ["v*"] } });
});

test("each job has the permissions that it needs, and no others", () => {
  expect(workflow.permissions).toEqual({});
  const permissions = Object.entries(workflow.jobs).map(([name, job]) => [name, job.permissions]);
  expect(Object.fromEntries(permissions)).toEqual({
    make: { contents: "read" },
    images: { contents: "read", packages: "write" },
    files: { contents: "write" },
  });
});

test("actions are pinned by their commit, with the release beside it", () => {
  const uses = text.split("\n").filter((line) => line.includes("uses:"));
  expect(uses).not.toEqual([]);
  for (const line of uses) expect(line).toMatch(/uses: actions\/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  for (const { uses: action = "", with: options } of steps) {
    if (action.startsWith("actions/checkout@")) expect(options).toEqual({ "persist-credentials": false });
  }
});

test("no script has an expression in it, which a tag's name could fill with commands", () => {
  expect(scripts).not.toContain("${{");
});

test("it runs what the repository has", () => {
  const names = Object.keys((JSON.parse(read("package.json")) as { scripts: object }).scripts);
  const called = [...scripts.matchAll(/npm run (\S+)/g)].map(([, name]) => name);
  expect(called).toEqual(["release"]);
  expect(names).toEqual(expect.arrayContaining(called));
  expect(scripts).toContain(".ci/run");
  expect(scripts).toContain("npx meshwright push");
});

test("nothing else needs it", () => {
  for (const file of ["package.json", ".ci/run"]) expect(read(file)).not.toContain(".github");
});
