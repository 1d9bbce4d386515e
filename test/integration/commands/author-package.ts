// An author's package, with this checkout as its meshwright, for what `meshwright test` and
// `meshwright run` do in it.

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";

/** Disposing of it removes the folder. */
export interface AuthorPackage extends AsyncDisposable {
  readonly root: string;
  /** Writes a file below the package. */
  write(file: string, content: string): Promise<void>;
  /**
   * Writes a filter that adds the header `x-added` to responses, with one unit and one test of the
   * value "1".
   */
  writeFilter(name: string): Promise<void>;
}

/**
 * @param parent where to make it. Default: below this checkout, so that the package has the test
 * tools.
 */
export async function authorPackage(parent = path.join(PACKAGE_ROOT, ".meshwright")): Promise<AuthorPackage> {
  await mkdir(parent, { recursive: true });
  const root = await mkdtemp(path.join(parent, "author-"));
  const write = async (file: string, content: string) => {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
  };
  await write("package.json", JSON.stringify({ name: "author", private: true, type: "module" }));
  // Without it vitest would find that of this checkout above it.
  await write("vitest.config.js", "export default {};\n");
  await mkdir(path.join(root, "node_modules"));
  await symlink(PACKAGE_ROOT, path.join(root, "node_modules/meshwright"));
  return {
    root,
    write,
    writeFilter: async (name) => {
      await write(`filters/${name}/index.ts`, BINDING);
      await write(`filters/${name}/policy.ts`, policy("1"));
      await write(`filters/${name}/policy.spec.ts`, UNIT);
      await write(`filters/${name}/index.test.ts`, hostTest(name));
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** The policy of a filter that `writeFilter` wrote, with another value. */
export function policy(value: string): string {
  return `export function valueToAdd(): string {\n  return "${value}";\n}\n`;
}

const BINDING = `
import { Bytes, FilterHeadersStatus, HttpContext, RootContext, registerRootContext, responseHeaders } from "meshwright/assembly";
import { valueToAdd } from "./policy";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";
export { proxy_on_response_headers } from "meshwright/assembly/exports/stateless";

const NAME = Bytes.of("x-added");

class Adder extends HttpContext {
  private readonly value: Bytes = Bytes.of(valueToAdd());

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    responseHeaders.add(NAME, this.value);
    return FilterHeadersStatus.Continue;
  }
}

class AdderRoot extends RootContext {
  private readonly adder: HttpContext = new Adder();

  override sharedHttpContext(): HttpContext | null {
    return this.adder;
  }
}

registerRootContext((id: u32) => new AdderRoot(id));
`;

const UNIT = `
import { valueToAdd } from "./policy";

describe("the policy", () => {
  it("says something", () => {
    expect(valueToAdd().length).toBeGreaterThan(0);
  });
});
`;

function hostTest(name: string): string {
  return `
import { expect, test } from "vitest";
import { filterModule, loadModule } from "../../../../kit/index.js";

test("adds the header", async () => {
  const module = loadModule(await filterModule("${name}"));
  module.configure("{}");
  const { response } = module.exchange([[":method", "GET"], [":path", "/"], [":authority", "a"]]);
  expect(response).toContainEqual(["x-added", "1"]);
});
`;
}
