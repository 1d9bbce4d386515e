// docs/operating.md: its commands that need npm, Prometheus with the page's settings, and every
// query of the dashboard there.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { type ManagedChild, startChild } from "../../../envoy/runtime/child.js";
import { startGuard } from "../../../envoy/runtime/guard.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import type { EnvoyProcess } from "../../../envoy/runtime/process.js";
import { runProgram } from "../../../envoy/runtime/run-program.js";
import { findFilter } from "../../../filters/catalog.js";
import { send } from "../../../kit/envoy/client.js";
import { isMissing, needs } from "../../support/tools.js";
import { makePlace, type Place, startGateway } from "./gateway.js";
import { blockOf, commandsWith, tableAfter } from "./operating-page.js";
import { PageShell } from "./page-shell.js";

const WAIT = { timeout: 30_000, interval: 250 };

interface Target {
  readonly expr: string;
}
interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly Target[];
}

const dashboardFile = path.join(PACKAGE_ROOT, "docs/grafana.json");

describe("the page's commands", () => {
  test("build the modules, and have Envoy look at the gateway", async () => {
    await using place = await makePlace();
    await using shell = await PageShell.start(place);
    const { code, output } = await shell.run(commandsWith("--mode validate"));
    expect(code, output).toBe(0);
    expect(output).toContain("OK");
  });

  test("check settings, and make JSON of them", async () => {
    await using place = await makePlace();
    await using shell = await PageShell.start(place);
    await shell.write("limits.yaml", blockOf("yaml limits.yaml"));
    const { code, output } = await shell.run(commandsWith("npx yaml"));
    expect(code, output).toBe(0);
    const json = JSON.parse(output.trimEnd().split("\n").at(-1) ?? "");
    expect(json).toEqual(parse(blockOf("yaml limits.yaml")));
    expect(findFilter("rate-limit").schema.safeParse(json).success).toBe(true);
  });
});

describe("the dashboard", () => {
  test("has no field that Grafana's own types do not have", async () => {
    const build = path.join(PACKAGE_ROOT, "build");
    await mkdir(build, { recursive: true });
    const folder = await mkdtemp(path.join(build, "page-"));
    try {
      const text = (await readFile(dashboardFile, "utf8")).trimEnd();
      const check = (name: string, json: string) =>
        writeFile(
          path.join(folder, name),
          `import type { Dashboard } from "@grafana/schema";\nexport const it = ${json} satisfies Dashboard;\n`,
        );
      await check("right.ts", text);
      await check("wrong.ts", text.replace('"gridPos"', '"gridPlace"'));
      const tsc = path.join(PACKAGE_ROOT, "node_modules/typescript/bin/tsc");
      const options = ["--ignoreConfig", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext"];
      const run = (name: string) => runProgram(process.execPath, [tsc, ...options, path.join(folder, name)]);
      expect(await run("right.ts")).toEqual({ code: 0, output: "" });
      expect((await run("wrong.ts")).output).toContain("gridPlace");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe.skipIf(isMissing("prometheus"))(`Prometheus ${needs("prometheus")}`, () => {
  let place: Place;
  let envoy: EnvoyProcess;
  let folder: string;
  let guard: ReturnType<typeof startGuard>;
  let child: ManagedChild;
  let url: string;

  beforeAll(async () => {
    place = await makePlace({ respond: ({ path: asked }) => ({ status: asked === "/fails" ? 503 : 200 }) });
    envoy = await startGateway(place);
    folder = await mkdtemp(path.join(tmpdir(), "meshwright-prometheus-"));
    guard = startGuard({ directory: folder });
    const file = path.join(folder, "prometheus.yml");
    // A test does not wait for fifteen seconds.
    await writeFile(file, place.here(blockOf("yaml prometheus.yml")).replace("15s", "1s"));
    const [port = 0] = await freePorts(1);
    url = `http://127.0.0.1:${port}`;
    child = startChild({
      name: "prometheus",
      command: "prometheus",
      args: [
        `--config.file=${file}`,
        `--storage.tsdb.path=${path.join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
    });
  });
  afterAll(async () => {
    await child?.stop();
    guard?.release();
    await rm(folder, { recursive: true, force: true });
    await envoy?.[Symbol.asyncDispose]();
    await place?.[Symbol.asyncDispose]();
  });

  async function query(expr: string): Promise<readonly { readonly value: readonly [number, string] }[]> {
    const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data: { result: readonly { value: [number, string] }[] };
    };
    expect(error, expr).toBeUndefined();
    expect(status).toBe("success");
    return data.result;
  }

  /** As Grafana fills in an interval and a choice of everything. */
  const filled = (expr: string) =>
    expr.replaceAll("$__rate_interval", "10s").replaceAll(/\$(job|instance)\b/g, ".*");

  async function makeTraffic(): Promise<void> {
    const token = place.token({ sub: "ann" });
    const every: readonly (readonly [string, string])[] = [
      ["host", "acme.shop.example"],
      ["x-drill", "abort"],
      ["authorization", `Bearer ${token}`],
      ["traceparent", "of nobody"],
    ];
    for (const header of every) await send(place.url, { headers: [[...header]] });
    await send(`${place.url}/fails`);
    await send(`${place.url}/checkout`);
  }

  test("takes the page's file", () => {
    const file = path.join(folder, "as-it-stands.yml");
    return writeFile(file, blockOf("yaml prometheus.yml")).then(() =>
      expect(execFileSync("promtool", ["check", "config", file], { encoding: "utf8" })).toContain("SUCCESS"),
    );
  });

  test("has data for every panel of the dashboard, and an answer to every query", async () => {
    const { panels } = JSON.parse(await readFile(dashboardFile, "utf8")) as { panels: readonly Panel[] };
    const shown = panels.filter(({ type }) => type !== "row");
    expect(shown.length).toBeGreaterThan(10);
    const traffic = setInterval(() => void makeTraffic(), 300);
    try {
      for (const { title, targets = [] } of shown) {
        const withData = async () => {
          const results = await Promise.all(targets.map(({ expr }) => query(filled(expr)).catch(() => [])));
          return results.flat().filter(({ value }) => value[1] !== "NaN").length;
        };
        await expect.poll(withData, { ...WAIT, message: title }).toBeGreaterThan(0);
        for (const { expr } of targets) await query(filled(expr));
      }
    } finally {
      clearInterval(traffic);
    }
  });

  test("answers the queries of the page's alerts, and none of them rings for nothing", async () => {
    const section = tableAfter("Metrics in Prometheus");
    expect(section.length).toBeGreaterThan(2);
    const page = await readFile(path.join(PACKAGE_ROOT, "docs/operating.md"), "utf8");
    const alerts = [...page.slice(page.indexOf("| worth an alert |")).matchAll(/^\| `([^`]+)`/gm)]
      .map(([, expr = ""]) => expr)
      .filter((expr) => expr.includes(" > 0"));
    expect(alerts).toHaveLength(7);
    for (const expr of alerts) await query(expr);
    expect(await query(alerts[0] ?? "")).toEqual([]);
    // Its metric is there: the query is not empty because of its name.
    expect(await query((alerts[0] ?? "").replace("> 0", ">= 0"))).not.toEqual([]);
  });
});
