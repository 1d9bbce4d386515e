// `meshwright init` in a folder with a compose project: what it writes, what it says, and that it
// changes nothing that a person wrote.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runMain } from "./run-main.js";

const COMPOSE = `services:
  web:
    image: example/web:1
    ports: ["8080:80"]
    environment: { API_URL: "http://api:9000" }
  api:
    image: example/api:1
    depends_on: [db]
  db:
    image: postgres:17
  proxy:
    image: example/proxy
    network_mode: host
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "shop-"));
  await write("compose.yaml", `name: shop\n${COMPOSE}`);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (file: string, text: string) => writeFile(path.join(folder, file), text);
const read = (file: string) => readFile(path.join(folder, file), "utf8");
const init = (...args: string[]) => runMain(["init", ...args], folder);

it("writes a mesh file with reasons, and an override, and says what to do", async () => {
  const { exitCode, stdout, stderr } = await init();
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  expect(stdout).toMatch(/^Read compose\.yaml \(by .*\)\./);
  expect(stdout.slice(stdout.indexOf("\n"))).toBe(`

In the mesh
  web  http1 at 80, behind the gateway at /, calls api
  api  http1 at 9000, calls db
  db   tcp at 5432

Guesses, to check
  web speaks http1: port 80
  api calls db: depends_on is all that says so

Not in the mesh, and as before
  proxy has the machine's network (network_mode: host), where nothing keeps its traffic apart; take networks and ports instead (compose.yaml:14).

Wrote mesh.yaml and compose.mesh.yaml; your files are as they were.
Run the mesh:
  npx meshwright up
  or, without live edits:
  docker compose -f compose.yaml -f compose.mesh.yaml up
`);
  expect(
    await read("mesh.yaml"),
  ).toBe(`# A mesh around compose.yaml, written by \`meshwright init\`. Run it: npx meshwright up
# A comment says where a line comes from. Correct what is wrong: a running mesh follows each save.
# Services that are not here run as before. All keys: compose/README.md of meshwright.

name: shop

gateway:
  port: 10000
  routes: # the first prefix that matches decides
    - { prefix: /, service: web } # it publishes port 8080

services:
  web:
    port: 80 # ports, compose.yaml:5
    protocol: http1 # a guess: port 80
    calls:
      - api # API_URL, compose.yaml:6
    versions: { v1: { compose: web } }

  api:
    port: 9000 # API_URL of web, compose.yaml:6
    calls:
      - db # only depends_on says so, compose.yaml:9: remove it where there is no such call
    versions: { v1: { compose: api } }

  db:
    port: 5432 # the image postgres
    protocol: tcp # the image postgres
    versions: { v1: { compose: db } }

# Not in the mesh:
# - proxy has the machine's network (network_mode: host), where nothing keeps its traffic apart;
#   take networks and ports instead (compose.yaml:14)
`);
  expect(await read("compose.yaml")).toBe(`name: shop\n${COMPOSE}`);
  expect(await runMain(["validate", "mesh.yaml"], folder)).toMatchObject({ exitCode: 0 });
  expect(await read("compose.mesh.yaml")).toContain("web_v1-sidecar:");
});

it("keeps a mesh file that is there, shows what is new, and adds it when asked to", async () => {
  await init();
  const edited = (await read("mesh.yaml"))
    .replace("  port: 10000", "  port: 8000 # mine")
    .replace(/ {6}- db .*\n/, "")
    .replace(/ {4}calls:\n {4}versions/, "    timeout: 2s # mine\n    versions");
  await write("mesh.yaml", edited);
  const again = await init();
  expect(again).toMatchObject({ exitCode: 0, stderr: "" });
  expect(again.stdout).toContain("mesh.yaml has all of it already.");

  const more = COMPOSE.replace(
    "    image: example/api:1\n",
    "    image: example/api:1\n    environment: { CACHE: 'redis://cache' }\n",
  );
  await write("compose.yaml", `name: shop\n${more}  cache: { image: redis:8 }\n`);
  const before = await read("compose.mesh.yaml");
  const kept = await init();
  expect(kept.exitCode).toBe(13);
  expect(kept.stdout).toContain(`     timeout: 2s # mine
+    calls:
+      - cache # CACHE, compose.yaml:9
     versions:`);
  expect(kept.stdout).toContain("+  cache:\n+    port: 6379 # CACHE of api, compose.yaml:9\n");
  expect(kept.stdout).toContain("mesh.yaml is as it was. Take what is new by --update");
  expect([await read("mesh.yaml"), await read("compose.mesh.yaml")]).toEqual([edited, before]);

  const updated = await init("--update");
  expect(updated.exitCode).toBe(0);
  const text = await read("mesh.yaml");
  expect(text).toContain("port: 8000 # mine");
  expect(text).toContain("timeout: 2s # mine");
  expect(text).toContain("      - cache # CACHE, compose.yaml:9\n");
  expect(await read("compose.mesh.yaml")).toContain("cache_v1-sidecar:");
  expect(await init()).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("has all of it already"),
  });
});

it("adds calls to lists and lines of every form", async () => {
  await write(
    "mesh.yaml",
    `name: shop
gateway: { routes: [{ prefix: /, service: web }] }
services:
  web: { port: 80, versions: { v1: { compose: web } } } # on one line
  api:
    calls: [db] # of the same line
    port: 9000
    versions: { v1: { compose: api } }
  db:
    port: 5432
    protocol: tcp
    versions: { v1: { compose: db } }
`,
  );
  await write(
    "compose.yaml",
    `name: shop\n${COMPOSE.replace("depends_on: [db]", "environment: [DB=db:5432, W=web:80]")}`,
  );
  expect(await init("--update")).toMatchObject({ exitCode: 0, stderr: "" });
  expect(await read("mesh.yaml")).toMatch(/web: \{ port: 80, .*calls: \[ api \] \} # on one line/);
  expect(await read("mesh.yaml")).toContain("calls: [ db, web ] # of the same line");
});

it("tells of services that are not in the project any more", async () => {
  await init();
  await write("compose.yaml", `name: shop\n${COMPOSE.replaceAll("db", "database")}`);
  const { exitCode, stdout } = await init();
  expect(exitCode).toBe(13);
  expect(stdout).toContain("mesh.yaml names db, which is not in the project any more.");
});

it("replaces files when asked to, and else nothing that a person wrote", async () => {
  await write("compose.mesh.yaml", "services: {}\n");
  const refused = await init();
  expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
  expect(refused.stderr).toMatch(/^meshwright: compose\.mesh\.yaml is not of meshwright, and stays as it is/);
  expect((await readdir(folder)).sort()).toEqual(["compose.mesh.yaml", "compose.yaml"]);
  expect(await init("--force")).toMatchObject({ exitCode: 0 });
  expect(await read("compose.mesh.yaml")).toContain("meshwright init");

  await write("mesh.yaml", "name: [\n");
  const broken = await init();
  expect(broken.exitCode).toBe(1);
  expect(broken.stderr).toMatch(/^meshwright: mesh file refused: .*mesh\.yaml:/);
  expect(await read("mesh.yaml")).toBe("name: [\n");
});

it("prints without writing", async () => {
  const { exitCode, stdout } = await init("--print");
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^# A mesh around compose\.yaml/);
  expect(await readdir(folder)).toEqual(["compose.yaml"]);
});

it("takes files, profiles and routes that are named", async () => {
  await write("more.yaml", "services:\n  admin: { image: x, ports: ['9090:90'], profiles: [ops] }\n");
  const without = await init("-f", "compose.yaml", "-f", "more.yaml", "--print");
  expect(without.stdout).not.toContain("admin");
  const args = [
    "-f",
    "compose.yaml",
    "-f",
    "more.yaml",
    "--profile",
    "ops",
    "--route",
    "/ops=admin",
    "--route",
    "/=web",
  ];
  expect(await init(...args)).toMatchObject({ exitCode: 0, stderr: "" });
  const text = await read("mesh.yaml");
  expect(text).toContain("compose: [compose.yaml, more.yaml]\n");
  expect(text).toContain(
    "    - { prefix: /ops, service: admin } # asked for by --route\n    - { prefix: /, service: web } #",
  );
});

it.each([
  [["--route", "web"], 2, "Write a route as /PREFIX=SERVICE, such as /=web"],
  [["--route", "/a?b=web"], 2, 'has "?"'],
  [["--route", "/=wep"], 2, "--route /=wep: wep is not in the mesh; choose from: web, api"],
  [["--route", "/=proxy"], 2, "proxy is not in the mesh"],
  [["--update", "--force"], 2, "cannot be used with option"],
  [["-f", "none.yaml"], 1, "compose file refused: none.yaml: there is no such file"],
])("refuses %j", async (args, exitCode, message) => {
  const done = await init(...args);
  expect(done).toMatchObject({ exitCode, stdout: "" });
  expect(done.stderr).toContain(message);
});

it("names the line of a mistake in a compose file", async () => {
  await write("compose.yaml", "services:\n  web: { imag: x }\n");
  expect(await init()).toEqual({
    exitCode: 1,
    stdout: "",
    stderr:
      'meshwright: compose file refused: compose.yaml:2:10: services.web.imag: unknown key; did you mean "image"?\n',
  });
});

it("writes a mesh file that is right for every name, and lets no text of the project end a line", async () => {
  await write(
    "compose.yaml",
    `services:
  "true": { image: x, ports: [{ target: 80, app_protocol: "http\\nservices: {}" }] }
  "null":
    image: x
    expose: [8080]
    environment: { "A\\nhostile: yes # \\e[2J": "http://true:80" }
  "1_2.3-": { image: x, expose: [8080], environment: { A: "http://null:8080" } }
`,
  );
  const { exitCode, stdout, stderr } = await init("--route", "/{}=null");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const text = await read("mesh.yaml");
  expect(text).toContain('"true":\n    port: 80 # A hostile: yes # [2J of null, compose.yaml:6\n');
  expect(text).toContain('    - { prefix: "/{}", service: "null" } # asked for by --route\n');
  expect(text).toContain('      - "true" # A hostile: yes # [2J, compose.yaml:6\n');
  expect(text).toContain("  s-1-2-3:\n");
  expect(stdout).not.toContain("\u001b");
  expect(await runMain(["validate", "mesh.yaml"], folder)).toMatchObject({ exitCode: 0 });
  expect(await init()).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining("has all of it already"),
  });
});
