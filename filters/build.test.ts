// What the build refuses, beside what the compiler does.

import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MeshwrightError } from "../envoy/errors.js";
import { buildFilters, compileModule } from "./build.js";

/** As deep below the package as a filter's room. */
const ROOM = "build/build-test";
const folder = fileURLToPath(new URL(`../${ROOM}`, import.meta.url));

beforeEach(() => mkdir(folder, { recursive: true }));
afterEach(() => rm(folder, { recursive: true, force: true }));

async function compile(source: string): Promise<unknown> {
  await writeFile(path.join(folder, "index.ts"), source);
  return compileModule(`${ROOM}/index.ts`, path.join(folder, "out.wasm")).catch((error: unknown) => error);
}

const PLUGIN =
  'export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../assembly/exports/plugin";';

test("a type error is told in the compiler's own lines", async () => {
  const error = await compile(`${PLUGIN}\nconst a: i32 = "text";`);
  expect(error).toBeInstanceOf(MeshwrightError);
  expect((error as MeshwrightError).message).toContain(`${ROOM}/index.ts does not compile`);
  expect((error as MeshwrightError).details.join("\n")).toMatch(/TS2322.*index\.ts\(2,16\)/s);
});

test("an import that Envoy does not link is named", async () => {
  const error = await compile(
    `${PLUGIN}\nexport function proxy_on_tick(id: u32): void { console.log("tick"); }`,
  );
  expect((error as MeshwrightError).message).toContain("env.console.log, which stock Envoy does not link");
});

test("a method whose callback is not exported is named with its line", async () => {
  const error =
    await compile(`import { FilterHeadersStatus, HttpContext, RootContext, registerRootContext } from "../../assembly";
${PLUGIN}
export { proxy_on_context_create, proxy_on_request_headers } from "../../assembly/exports/stream";
class Silent extends HttpContext {
  override onResponseHeaders(headers: u32, end: bool): FilterHeadersStatus {
    return FilterHeadersStatus.Continue;
  }
}
class Root extends RootContext {
  createHttpContext(): HttpContext {
    return new Silent();
  }
}
registerRootContext((id: u32) => new Root(id));
`);
  expect((error as MeshwrightError).details).toEqual([
    "index.ts:5: onResponseHeaders is never called: export proxy_on_response_headers from assembly/exports/stream",
  ]);
});

test("a filter that is not there is answered with those that are", async () => {
  await expect(buildFilters(["header-rooting"])).rejects.toThrow(/header-routing, trace-headers/);
});
