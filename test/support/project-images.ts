// The images of the projects in compose-projects, by the variables of their compose files.

import { chooseImages } from "../../compose/containers/engine.js";
import { type DebianImage, debianImage } from "./debian-image.js";

const PYTHON: DebianImage = { name: "meshwright-test/python:1", packages: ["python3"] };

const REDIS: DebianImage = {
  name: "meshwright-test/redis:1",
  packages: ["redis-server", "redis-tools"],
  command: ["redis-server"],
};

/** Makes a database at the first start, as the official image does. */
const POSTGRES: DebianImage = {
  name: "meshwright-test/postgres:1",
  packages: ["postgresql-15", "gosu"],
  path: "/usr/lib/postgresql/15/bin",
  entrypoint: `#!/bin/bash
set -e
export PGDATA=/var/lib/postgresql/data
user=\${POSTGRES_USER:-postgres}
mkdir -p "$PGDATA" && chown 999:999 "$PGDATA" && chmod 700 "$PGDATA"
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  gosu 999:999 initdb -U "$user" -A trust >/dev/null
  echo "host all all all trust" >> "$PGDATA/pg_hba.conf"
  [ "$user" = postgres ] || echo "CREATE DATABASE $user" | gosu 999:999 postgres --single -D "$PGDATA" postgres >/dev/null
fi
exec gosu 999:999 postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
`,
};

/** Makes the images that are not here. */
export async function projectImages(): Promise<Readonly<Record<string, string>>> {
  const { NODE_IMAGE } = await chooseImages();
  return {
    NODE_IMAGE,
    PYTHON_IMAGE: await debianImage(PYTHON),
    REDIS_IMAGE: await debianImage(REDIS),
    POSTGRES_IMAGE: await debianImage(POSTGRES),
  };
}
