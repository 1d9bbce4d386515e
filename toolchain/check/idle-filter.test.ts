// Filters that would compile, load, and do nothing.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../envoy/package-root.js";
import { sourceAt } from "../compile/source.js";
import { idleFaults } from "./idle-filter.js";
import { rootContextFaults } from "./root-contexts.js";
import { COMPATIBLE, NETWORK, PLUGIN, STATELESS, STREAM } from "./silent-methods.js";
import { SourceTree } from "./source-tree.js";

let room: string;
beforeEach(async () => {
  await mkdir(path.join(PACKAGE_ROOT, "build"), { recursive: true });
  room = await mkdtemp(path.join(PACKAGE_ROOT, "build/idle-filter-test-"));
});
afterEach(() => rm(room, { recursive: true, force: true }));

const SDK =
  'import { FilterRoot, HttpContext, registerRootContext, RootContext, TcpContext } from "../../assembly";';
const REGISTER = "registerRootContext((id: u32) => new R(id));";
const CONTEXT = "class C extends HttpContext { onRequestHeaders(): u32 { return 0; } }";
const ROOT = "class R extends RootContext { createHttpContext(): HttpContext { return new C(); } }";
const GOOD = `${CONTEXT}\n${ROOT}\n${REGISTER}`;

interface Exported {
  readonly files?: readonly string[];
  readonly callbacks?: readonly string[];
}

const CALLBACKS = [
  "proxy_on_context_create",
  "proxy_on_configure",
  "proxy_on_request_headers",
  "proxy_on_delete",
];

async function treeOf(text: string, others: Readonly<Record<string, string>> = {}) {
  for (const [name, content] of Object.entries({ ...others, "index.ts": text })) {
    await mkdir(path.dirname(path.join(room, name)), { recursive: true });
    await writeFile(path.join(room, name), content);
  }
  const source = sourceAt(path.join(room, "index.ts"));
  return { source, tree: await SourceTree.of(source) };
}

async function idle(text: string, exported: Exported = {}, others: Readonly<Record<string, string>> = {}) {
  const { source, tree } = await treeOf(`${SDK}\n${text}`, others);
  const { files = [PLUGIN, STREAM], callbacks = CALLBACKS } = exported;
  return idleFaults(tree, source, { callbacks, files: new Set(files) });
}

test("a filter whose root gives its context is accepted", async () => {
  expect(await idle(GOOD)).toEqual([]);
});

describe("a root that gives no context is refused", () => {
  test.each([
    [
      "a RootContext",
      `${CONTEXT} new C();\nclass R extends RootContext {}\n${REGISTER}`,
      "createHttpContext or sharedHttpContext",
    ],
    [
      "a FilterRoot",
      `${CONTEXT} new C();\nclass R extends FilterRoot<A, B> {}\n${REGISTER}`,
      "streamContext or sharedContext",
    ],
    [
      "one that inherits from such a root",
      `${CONTEXT} new C(); class Q extends RootContext {}\nclass R extends Q {}\n${REGISTER}`,
      "createHttpContext or sharedHttpContext",
    ],
  ])("%s", async (_what, text, advice) => {
    expect(await idle(text)).toEqual([`index.ts:3: R gives no context: override ${advice}`]);
  });

  test("in a network filter", async () => {
    const text = `class C extends TcpContext { onNewConnection(): u32 { return 0; } } new C();\nclass R extends RootContext {}\n${REGISTER}`;
    const callbacks = ["proxy_on_context_create", "proxy_on_new_connection"];
    expect(await idle(text, { files: [PLUGIN, NETWORK], callbacks })).toEqual([
      "index.ts:3: R gives no context: override createTcpContext",
    ]);
  });

  test("but not where only the root has callbacks, or its base gives the context", async () => {
    const root = `class R extends RootContext { onConfigure(): bool { return true; } }\n${REGISTER}`;
    expect(await idle(root, { callbacks: ["proxy_on_context_create", "proxy_on_configure"] })).toEqual([]);
    const based = `${CONTEXT} class Q extends RootContext { createHttpContext(): HttpContext { return new C(); } }
      class R extends Q {}\n${REGISTER}`;
    expect(await idle(based)).toEqual([]);
  });
});

describe("a class that nothing makes is refused", () => {
  test.each([
    [
      "the root gives the SDK's own",
      `${CONTEXT}\nclass R extends RootContext { createHttpContext(): HttpContext { return new HttpContext(); } }\n${REGISTER}`,
    ],
    [
      "it is only named in a comment and a string",
      `${CONTEXT}\nclass R extends RootContext { createHttpContext(): HttpContext { /* new C() */ log("new C()"); return new HttpContext(); } }\n${REGISTER}`,
    ],
  ])("%s", async (_what, text) => {
    expect(await idle(text)).toEqual([
      "index.ts:2: no C is ever made, so that nothing calls its onRequestHeaders",
    ]);
  });

  test.each([
    [
      "a class that extends it is made",
      `${CONTEXT} class D extends C {} class R extends RootContext { createHttpContext(): HttpContext { return new D(); } }\n${REGISTER}`,
    ],
    [
      "it is made by its type",
      `${CONTEXT} class R extends RootContext { createHttpContext(): HttpContext { return instantiate<C>(); } }\n${REGISTER}`,
    ],
    ["it is made in another file", `import { R } from "./root";\n${REGISTER}`],
  ])("but not where %s", async (_what, text) => {
    const root = `import { HttpContext, RootContext } from "../../assembly"; import { C } from "./context";
      export class R extends RootContext { createHttpContext(): HttpContext { return new C(); } }`;
    const context = `import { HttpContext } from "../../assembly"; export ${CONTEXT}`;
    expect(await idle(text, {}, { "root.ts": root, "context.ts": context })).toEqual([]);
  });
});

test("callbacks that no context implements are refused", async () => {
  const text = `class R extends RootContext { createHttpContext(): HttpContext { return new HttpContext(); } }\n${REGISTER}`;
  expect(await idle(text)).toEqual([
    "proxy_on_request_headers is exported, and no context has onRequestHeaders",
  ]);
});

test("callbacks of two kinds, and none that makes a root, are refused", async () => {
  expect(await idle(GOOD, { files: [PLUGIN, STREAM, STATELESS] })).toEqual([
    "its callbacks come from exports/stream and exports/stateless, which do not know each other's streams",
  ]);
  expect(await idle(GOOD, { files: [STATELESS], callbacks: ["proxy_on_request_headers"] })).toEqual([
    "it exports neither proxy_on_configure nor proxy_on_context_create: no root is ever made",
  ]);
});

describe("a method that nothing calls is refused:", () => {
  const inContext = (method: string) =>
    `${CONTEXT.replace("{ on", `{\n${method}\non`)}\n${ROOT}\n${REGISTER}`;
  const inRoot = (method: string) =>
    `${CONTEXT}\n${ROOT.replace("{ create", `{\n${method}\ncreate`)}\n${REGISTER}`;

  test.each([
    [
      "a slip",
      inContext("onResponseHeader(): u32 { return 0; }"),
      "index.ts:3: onResponseHeader is not a method of HttpContext, and is never called: did you mean onResponseHeaders?",
    ],
    [
      "another case",
      inContext("onRequestbody(): u32 { return 0; }"),
      "index.ts:3: onRequestbody is not a method of HttpContext, and is never called: did you mean onRequestBody?",
    ],
    [
      "one of another kind of context",
      inContext("onNewConnection(): u32 { return 0; }"),
      "index.ts:3: onNewConnection is not a method of HttpContext, and is never called",
    ],
    [
      "a stream's in a root",
      inRoot("onRequestBody(): u32 { return 0; }"),
      "index.ts:4: onRequestBody is not a method of RootContext, and is never called",
    ],
    [
      "a static one",
      inContext("static onLog(): void {}"),
      "index.ts:3: onLog is static, and is never called",
    ],
    [
      "a tick without a period",
      inRoot("onTick(): void {}"),
      "index.ts:4: onTick is never called: nothing calls setTickPeriod",
    ],
    [
      "a queue that is not registered",
      inRoot("onQueueReady(queue: u32): void {}"),
      "index.ts:4: onQueueReady is never called: nothing calls registerSharedQueue",
    ],
    [
      "a configuration that is always refused",
      inRoot("onConfigure(): bool { log(1); return false; }"),
      "index.ts:4: onConfigure always returns false: Envoy refuses every configuration",
    ],
  ])("%s", async (_what, text, line) => {
    expect(await idle(text)).toEqual([line]);
  });

  test.each([
    ["a helper of another name", inContext("onlyOnce(): u32 { return 0; } onHeadersSeen(): void {}")],
    ["a helper that is called", inContext("onResponseHeader(): u32 { return this.onResponseHeader(); }")],
    ["a tick with a period", inRoot("onTick(): void {} constructor() { super(1); this.setTickPeriod(5); }")],
    [
      "a configuration that is sometimes refused",
      inRoot("onConfigure(): bool { if (x) return false; return true; }"),
    ],
  ])("but not %s", async (_what, text) => {
    expect(await idle(text)).toEqual([]);
  });
});

describe("a filter for @solo-io/proxy-runtime", () => {
  const compatible = { files: [COMPATIBLE, PLUGIN], callbacks: CALLBACKS };
  const IMPORT = 'import { Context, RootContext, registerRootContext } from "../../proxy-runtime";';
  const C = "class C extends Context { onRequestHeaders(a: u32, b: bool): u32 { return 0; } }";

  test("that never makes its context is refused", async () => {
    const { source, tree } = await treeOf(`${IMPORT}\n${C}\nclass R extends RootContext {}\n${REGISTER}`);
    const exported = { callbacks: compatible.callbacks, files: new Set(compatible.files) };
    expect(idleFaults(tree, source, exported)).toEqual([
      "index.ts:3: R gives no context: override createContext",
      "index.ts:2: no C is ever made, so that nothing calls its onRequestHeaders",
    ]);
  });

  test("that has only a root is accepted", async () => {
    const { source, tree } = await treeOf(`${IMPORT}\nclass R extends RootContext {}\n${REGISTER}`);
    const exported = { callbacks: compatible.callbacks, files: new Set(compatible.files) };
    expect(idleFaults(tree, source, exported)).toEqual([]);
  });
});

describe("a root context", () => {
  const faults = async (text: string, imports = SDK) => {
    const { source, tree } = await treeOf(`${imports}\n${text}`);
    return rootContextFaults(tree, source, false).map((line) => line.replace(source.entry, "index.ts"));
  };
  const NONE = ["index.ts: no root context is registered: call registerRootContext at the file's top level"];

  test("that is registered only in a comment or a text is not registered", async () => {
    expect(await faults("// registerRootContext((id: u32) => new R(id));")).toEqual(NONE);
    expect(await faults('log("registerRootContext(");')).toEqual(NONE);
    expect(await faults("function registerRootContext2(): void {}")).toEqual(NONE);
    expect(await faults("function registerRootContext(): void {} registerRootContext();", "")).toEqual(NONE);
  });

  test("may be registered by another name, and in a function", async () => {
    const renamed = 'import { registerRootContext as register } from "../../assembly";';
    expect(await faults("register((id: u32) => new R(id));", renamed)).toEqual([]);
    expect(await faults("sdk.registerRootContext(make);", 'import * as sdk from "../../assembly";')).toEqual(
      [],
    );
    expect(await faults(`function go(): void { ${REGISTER} } go();`)).toEqual([]);
  });

  test("is registered once, however the calls are written", async () => {
    expect(await faults(`${REGISTER}\nregisterRootContext(\n  make);`)).toEqual([
      "index.ts:3: a root context is already registered: a filter has one",
    ]);
  });
});
