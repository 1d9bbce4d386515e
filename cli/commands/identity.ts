// `meshwright identity`: shows the certificates of a mesh.

import type { Command } from "commander";
import { type IdentityReport, identityReport } from "../../compose/identity/report.js";
import { defaultMeshFile, readMesh } from "../../compose/mesh/file.js";
import { exitCodesHelp } from "../failures.js";
import type { Screen } from "../screen.js";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function addIdentity(root: Command, screen: Screen): void {
  root
    .command("identity")
    .description("Show each certificate of a mesh: its Envoy, its SPIFFE name, and when it ends.")
    .argument("[file]", "the mesh file; default: compose/mesh.yaml of this folder, or else meshwright's own")
    .option("--json", "print the report as JSON")
    .addHelpText("after", EXAMPLES)
    .action(async (file: string | undefined, { json }: { readonly json?: true }) => {
      const report = await identityReport(await readMesh(file ?? defaultMeshFile()));
      screen.print(json ? [JSON.stringify(report, null, 2)] : describeReport(report, Date.now()));
    });
}

function describeReport(report: IdentityReport, now: number): readonly string[] {
  const { mesh, mode, trustDomain, certificates, missing, running, folder } = report;
  if (mode === "off") return [`The mesh "${mesh}" has no certificates: identity.mode is off.`];
  const rows = certificates.map(({ envoy, name, serial, validTo }) => [
    envoy,
    name,
    serial.slice(0, 12),
    `${validTo.slice(0, 16).replace("T", " ")}, ${untilWords(Date.parse(validTo) - now)}`,
  ]);
  return [
    `The mesh "${mesh}" has the trust domain ${trustDomain} and the mode ${mode}.`,
    ...table([["envoy", "name", "serial", "ends (UTC)"], ...rows]),
    ...(running ? missing.map((envoy) => `Envoy ${envoy} shows no certificate: it is not up.`) : []),
    ...(running ? [] : ["It does not run in this folder: Envoys have certificates while it does."]),
    ...(certificates.some(({ envoy }) => envoy === "authority")
      ? [`Its authority is kept in ${folder}: clients trust root.pem there.`]
      : []),
  ];
}

function untilWords(ms: number): string {
  if (ms <= 0) return "expired";
  if (ms >= 2 * DAY_MS) return `in ${Math.floor(ms / DAY_MS)} days`;
  if (ms >= HOUR_MS) return `in ${Math.floor(ms / HOUR_MS)} h ${Math.floor((ms % HOUR_MS) / MINUTE_MS)} min`;
  return `in ${Math.floor(ms / MINUTE_MS)} min`;
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

const EXAMPLES = `
Run it in the folder in which the mesh runs. The certificates are those that the
running Envoys show now; keys are never shown. The authority stays when the mesh
ends, so that clients which trust it need not be told again.

Examples:
  meshwright identity                      of the demo mesh
  meshwright identity my-mesh.yaml --json  for a script
${exitCodesHelp("the certificates were shown", ["configuration", "usage", "build"])}`;
