// The demo mesh as files that Docker alone can run: compose/docker-compose.yaml, .env beside it and
// compose/envoy/. They are committed, and a test compares them with what is planned here.

import { readdir, rm, rmdir } from "node:fs/promises";
import path from "node:path";
import { writeAtomically } from "../../envoy/runtime/atomic-file.js";
import { officialImage } from "../../envoy/runtime/image.js";
import { defaultEnvoyVersion } from "../../envoy/runtime/releases.js";
import { DEFAULT_GATEWAY_PORT } from "../mesh/addresses.js";
import { readMesh } from "../mesh/file.js";
import { plainMesh } from "../mesh/identity.js";
import { NODE_IMAGE } from "./images.js";
import { variable } from "./interpolation.js";
import { planContainers } from "./plan.js";

const HEADING = [
  "The demo mesh: docker compose -f compose/docker-compose.yaml up",
  "",
  "Written by `npm run compose-file` from mesh.yaml. README.md says what is in it; .env has what may be",
  "changed. The filters' modules come from build/: run `npm run build` first.",
  "Calls between the Envoys are plain here, because Docker alone issues no certificates. With",
  "`meshwright up --engine container` they are mutual TLS.",
];

const COMPOSE_FILE = "docker-compose.yaml";
const ENVOYS = "envoy";

/** The committed files by their paths below `folder`, which has the mesh file. */
export async function demoFiles(folder: string): Promise<ReadonlyMap<string, string>> {
  // Certificates end soon and must not be in a repository, and Docker alone issues none.
  const mesh = plainMesh(await readMesh(path.join(folder, "mesh.yaml")));
  const plan = planContainers(mesh, {
    name: `meshwright-${mesh.name}`,
    home: folder,
    envoys: `./${ENVOYS}`,
    writtenFolder: (each) => `./${path.relative(folder, each)}`,
    setting: variable,
    restart: "unless-stopped",
    labels: { "meshwright.mesh": mesh.name },
    heading: HEADING,
  });
  return new Map([
    [COMPOSE_FILE, plan.composeFile],
    [".env", environment(mesh.gateway.port ?? DEFAULT_GATEWAY_PORT)],
    ...[...plan.envoyFiles].map(([file, text]) => [`${ENVOYS}/${file}`, text] as const),
  ]);
}

/** Writes the files, and removes those that the mesh no longer has. */
export async function writeDemo(folder: string): Promise<void> {
  const files = await demoFiles(folder);
  for (const [file, text] of files) await writeAtomically(path.join(folder, file), text);
  for (const envoy of await readdir(path.join(folder, ENVOYS))) {
    const own = path.join(ENVOYS, envoy);
    for (const name of await readdir(path.join(folder, own))) {
      if (!files.has(path.posix.join(ENVOYS, envoy, name))) await rm(path.join(folder, own, name));
    }
    await rmdir(path.join(folder, own)).catch(() => {});
  }
}

function environment(port: number): string {
  return `# What docker-compose.yaml leaves open. A variable of the shell comes before one of this file.

# Images, pinned. Where they cannot be pulled, \`npm run images\` makes others in their place.
ENVOY_IMAGE=${officialImage(defaultEnvoyVersion)}
NODE_IMAGE=${NODE_IMAGE}

# Where this machine reaches the gateway, and the readiness and statistics of all Envoys.
GATEWAY_ADDRESS=127.0.0.1
GATEWAY_PORT=${port}
STATUS_PORT=9901

# The folder with the filters' modules.
MODULES=../build

# The users and groups of Envoys and services: they must be able to read this folder and MODULES.
ENVOY_USER=101:101
APP_USER=1000:1000

# Limits of each container.
ENVOY_MEMORY=256m
ENVOY_CPUS=1.0
APP_MEMORY=128m
APP_CPUS=0.5
`;
}
