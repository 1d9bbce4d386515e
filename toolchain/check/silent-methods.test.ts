import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { sourceAt } from "../compile/source.js";
import { COMPATIBLE, PLUGIN, STATELESS, STREAM, silentMethods } from "./silent-methods.js";

/** A filter's folder, as deep below the package as one in `filters/`. */
let room: string;
beforeEach(async () => {
  await mkdir(path.join(PACKAGE_ROOT, "build"), { recursive: true });
  room = await mkdtemp(path.join(PACKAGE_ROOT, "build/silent-methods-test-"));
});
afterEach(() => rm(room, { recursive: true, force: true }));

const SDK = 'import { HttpContext, RootContext, Task } from "../../assembly";';

interface Exported {
  readonly callbacks?: readonly string[];
  readonly from?: string;
}

/** What is reported about a filter with these files, which exports no callback. */
async function silent(
  files: Readonly<Record<string, string>>,
  { callbacks = [], from = STREAM }: Exported = {},
): Promise<readonly string[]> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(room, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  const source = sourceAt(path.join(room, "index.ts"));
  return silentMethods(source, { callbacks, files: new Set([PLUGIN, from]) });
}

/** What is reported about an entry file. */
const silentIn = (text: string, exported?: Exported) => silent({ "index.ts": `${SDK}\n${text}` }, exported);

const body = (place: string) =>
  `${place}: onRequestBody is never called: export proxy_on_request_body from assembly/exports/stream`;

describe("a method of a context", () => {
  it.each([
    "onRequestBody(size: u32, end: bool): u32 { return 0; }",
    "override onRequestBody(size: u32, end: bool): u32 { return 0; }",
    "public override onRequestBody(size: u32, end: bool): u32 { return 0; }",
    "public onRequestBody(size: u32, end: bool): u32 { return 0; }",
    "@inline override onRequestBody(size: u32, end: bool): u32 { return 0; }",
    "@inline public override onRequestBody(size: u32, end: bool): u32 { return 0; }",
    "/* why */ override /* not */ onRequestBody(size: u32, end: bool): u32 { return 0; }",
    "override onRequestBody<T>(size: u32, end: bool): u32 { return 0; }",
    "override onRequestBody (size: u32, end: bool): u32 { return 0; }",
    "override onRequestBody(size: u32, end: bool): u32 { trace(`;`); return 0; } field: i32;",
  ])("is seen as %s", async (method) => {
    expect(await silentIn(`class C extends HttpContext { ${method} }`)).toEqual([body("index.ts:2")]);
  });

  it("is reported with its own line", async () => {
    const text =
      "class C extends HttpContext {\n  public\n  override\n  onRequestBody(): u32 { return 0; }\n}";
    expect(await silentIn(text)).toEqual([body("index.ts:5")]);
  });

  it("is accepted when its callback is exported", async () => {
    const text = "class C extends HttpContext { override onRequestBody(): u32 { return 0; } }";
    expect(await silentIn(text, { callbacks: ["proxy_on_request_body"] })).toEqual([]);
  });

  it("is reported with the file that exports its callback", async () => {
    const text = `class R extends RootContext {
  override onTick(): void {}
  override sharedHttpContext(): HttpContext | null { return null; }
}
class C extends HttpContext { override onLog(): void {} }`;
    expect(await silentIn(text, { from: STATELESS })).toEqual([
      "index.ts:3: onTick is never called: export proxy_on_tick from assembly/exports/plugin",
      "index.ts:6: onLog is never called: export proxy_on_log from assembly/exports/stateless",
    ]);
  });
});

it.each([
  ["a comment", "// onRequestBody(size: u32, end: bool): u32 {\n  /* onRequestBody( */"],
  ["a comment with a line of its own", "/*\n  onRequestBody(): u32 {\n*/"],
  ["a template string", "text: string = `\n  onRequestBody(): u32 {\n`;"],
  ["a string", 'text: string = "\\\n  onRequestBody(): u32 {";'],
  ["a call", "run(): void {\n    this.\n  onRequestBody();\n }"],
  ["a static method", "static onRequestBody(): u32 { return 0; }"],
  ["a field with a function", "onRequestBody: () => u32 = (): u32 => 0;"],
  ["a method that is only declared", "abstract onRequestBody(): u32;"],
  ["a method of another name", "onRequestBodyOfMine(): u32 { return 0; }"],
])("%s in a context is not a method of it", async (_what, member) => {
  expect(await silentIn(`abstract class C extends HttpContext {\n  ${member}\n}`)).toEqual([]);
});

it.each([
  ["a class without a base", "class C { onRequestBody(): u32 { return 0; } }"],
  ["a class of the SDK that is not a context", "class C extends Task { onRequestBody(): u32 { return 0; } }"],
  ["a class expression", "const c = class { onRequestBody(): u32 { return 0; } };"],
  [
    "an author's class with the name of a context",
    "namespace mine { class HttpContext { onRequestBody(): u32 { return 0; } }\n" +
      "class C extends HttpContext { onRequestBody(): u32 { return 0; } } }",
  ],
  ["a function", "function onRequestBody(): u32 { return 0; }"],
  ["an interface", "interface C { onRequestBody(): u32; }"],
  ["a class that extends itself", "class C extends C { onRequestBody(): u32 { return 0; } }"],
  ["a class whose base does not exist", "class C extends Nowhere { onRequestBody(): u32 { return 0; } }"],
])("%s is not a context", async (_what, text) => {
  expect(await silentIn(text)).toEqual([]);
});

describe("the base of a context is found", () => {
  const method = "override onRequestBody(): u32 { return 0; }";

  it.each([
    ["under another name", 'import { HttpContext as Base } from "../../assembly";', "Base"],
    ["in everything that the SDK exports", 'import * as sdk from "../../assembly";', "sdk.HttpContext"],
    ["in the SDK's own file", 'import { HttpContext } from "../../assembly/context";', "HttpContext"],
    ["behind an alias", 'import { HttpContext } from "../../assembly";\ntype Base = HttpContext;', "Base"],
    [
      "in a namespace",
      'import { HttpContext } from "../../assembly";\nnamespace a { export namespace b { export class Base extends HttpContext {} } }',
      "a.b.Base",
    ],
    [
      "with a type for its parameter",
      'import { HttpContext } from "../../assembly";\nclass Base<T> extends HttpContext {}',
      "Base<i32>",
    ],
  ])("%s", async (_how, imports, base) => {
    const line = imports.split("\n").length + 1;
    const text = `${imports}\nclass C extends ${base} { ${method} }`;
    expect(await silent({ "index.ts": text })).toEqual([body(`index.ts:${line}`)]);
  });

  it.each([
    ["that exports it", 'export { HttpContext } from "../../../assembly";', "HttpContext"],
    ["that exports it by another name", 'export { HttpContext as Base } from "../../../assembly";', "Base"],
    ["that exports everything", 'export * from "../../../assembly";', "HttpContext"],
    [
      "that imports and exports it",
      'import { HttpContext as H } from "../../../assembly";\nexport { H as Base };',
      "Base",
    ],
    [
      "with a base by the author",
      'import { HttpContext } from "../../../assembly";\nexport abstract class Base extends HttpContext {}',
      "Base",
    ],
    [
      "one of two that export everything from each other",
      'export * from "../other";\nexport * from "../../../assembly";',
      "HttpContext",
    ],
  ])("in a file of a folder below %s", async (_how, base, name) => {
    const files = {
      "index.ts": `import { ${name} } from "./base";\nclass C extends ${name} { ${method} }`,
      "base/index.ts": base,
      "other.ts": 'export * from "./base";',
    };
    expect(await silent(files)).toEqual([body("index.ts:2")]);
  });
});

it("is looked for in every file that the entry file's imports lead to, and in no other", async () => {
  const context = (sdk: string) =>
    `import { HttpContext } from "${sdk}";\nexport class C extends HttpContext { onRequestBody(): u32 { return 0; } }`;
  const files = {
    "index.ts": 'export * from "./contexts/stream";\nimport "./alone";',
    "contexts/stream.ts": `import "./deeper";\n${context("../../../assembly")}`,
    "contexts/deeper/index.ts": context("../../../../assembly"),
    "alone.ts": context("../../assembly"),
    "unused.ts": context("../../assembly"),
    "index.spec.ts": context("../../assembly"),
  };
  expect([...(await silent(files))].sort()).toEqual([
    body("alone.ts:2"),
    body("contexts/deeper/index.ts:2"),
    body("contexts/stream.ts:3"),
  ]);
});

it("reports a base's method once, at its own line, however many classes extend it", async () => {
  const files = {
    "base.ts": `${SDK}\nexport class Base extends HttpContext {\n  onRequestBody(): u32 { return 0; }\n}`,
    "index.ts": 'import { Base } from "./base";\nclass A extends Base {}\nclass B extends Base {}',
  };
  expect(await silent(files)).toEqual([body("base.ts:3")]);
});

it("reports what a root of the SDK implements at the class that extends it", async () => {
  const text = `import { FilterRoot } from "../../assembly";
class Root extends FilterRoot<i32, i32> {
  parse(): i32 { return 0; }
}`;
  expect(await silent({ "index.ts": text })).toEqual([
    "index.ts:2: onConfigure of FilterRoot is never called: export proxy_on_configure from assembly/exports/plugin",
  ]);
});

it("knows the contexts of the layer for @solo-io/proxy-runtime, and requires nothing for what they have", async () => {
  const text = `import { Context, RootContext } from "../../proxy-runtime";
class Root extends RootContext {}
class Stream extends Context {
  onRequestBody(size: usize, end: bool): u32 { return 0; }
}`;
  expect(await silent({ "index.ts": text }, { from: COMPATIBLE })).toEqual([body("index.ts:4")]);
});

describe("stateless callbacks", () => {
  const told = `no root context has sharedHttpContext, which the callbacks of assembly/${STATELESS} ask for`;
  const silentStateless = (root: string) =>
    silent({ "index.ts": 'import "./root";', "root.ts": `${SDK}\n${root}` }, { from: STATELESS });

  it.each([
    ["without one", "class Root extends RootContext {}"],
    [
      "in a class that is not a context",
      "class Root { sharedHttpContext(): HttpContext | null { return null; } }",
    ],
    ["in a comment", "class Root extends RootContext {\n  // sharedHttpContext(\n}"],
  ])("need a shared context: %s", async (_how, root) => {
    expect(await silentStateless(root)).toEqual([told]);
  });

  it("get one from a root context", async () => {
    const shared = "public override sharedHttpContext(): HttpContext | null { return null; }";
    expect(await silentStateless(`class Root extends RootContext { ${shared} }`)).toEqual([]);
  });

  it("get one from a FilterRoot only when the author defines it", async () => {
    const configured = { callbacks: ["proxy_on_configure"], from: STATELESS };
    const root = (member: string) =>
      `import { FilterRoot, HttpContext } from "../../assembly";\nclass Root extends FilterRoot<i32, i32> { ${member} }`;
    expect(await silent({ "index.ts": root("") }, configured)).toEqual([told]);
    const shared = "override sharedContext(service: i32): HttpContext | null { return null; }";
    expect(await silent({ "index.ts": root(shared) }, configured)).toEqual([]);
  });
});
