import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { FILTERS } from "../../../filters/catalog.js";
import { meshSchema } from "../../mesh/schema.js";
import { planAround } from "./plan-file.js";
import type { UserProject } from "./user-project.js";

const SCHEMA = meshSchema(FILTERS);
const MESH = SCHEMA.parse({
  name: "shop",
  gateway: { routes: [{ prefix: "/", service: "web" }] },
  services: {
    web: {
      port: 8080,
      calls: ["user-db"],
      versions: { v1: { compose: "Web" }, mine: { url: "http://127.0.0.1:9" } },
    },
    "user-db": { port: 5432, protocol: "tcp", versions: { v1: { compose: "user_db" } } },
    worker: { calls: ["user-db"], versions: { v1: { compose: "worker" } } },
  },
});
const PROJECT: UserProject = {
  name: "shop",
  services: {
    Web: {
      networks: { front: null, back: { aliases: ["site"], ipv4_address: "10.1.2.3" } },
      ports: [{ target: 8080, published: "80" }],
      hostname: "web.local",
      extra_hosts: ["user_db=10.9.9.9", "elsewhere=10.0.0.1"],
      links: ["user_db:postgres", "cache", "worker:w"],
      dns: ["10.0.0.53"],
      sysctls: { "net.ipv4.ip_unprivileged_port_start": "0", "kernel.msgmax": "1" },
    },
    user_db: { networks: { back: { aliases: ["pg"] } }, container_name: "the-db", scale: 1 },
    worker: { networks: { back: null }, deploy: { replicas: 4 } },
    cache: { networks: { front: null } },
  },
};
const OPTIONS = { folder: "/shop", envoys: "./m/envoys", modules: "./m/modules", heading: ["Ours."] };

type Service = Readonly<Record<string, unknown>>;

const PLAN = planAround(MESH, PROJECT, OPTIONS);

/** The override's services, with a word for what compose takes away. */
function services(): Readonly<Record<string, Service>> {
  const { composeFile } = PLAN;
  const customTags = [{ tag: "!reset", resolve: () => "RESET" }] as never;
  const file = parse(composeFile, { merge: true, customTags, logLevel: "error" }) as {
    services: Record<string, Service>;
  };
  return file.services;
}

describe("the override of a project", () => {
  it("gives a pod what is its service's on the network", () => {
    expect(services().web_v1).toMatchObject({
      networks: {
        front: { aliases: ["Web"] },
        back: { aliases: ["Web", "site"], ipv4_address: "10.1.2.3" },
      },
      ports: [{ target: 8080, published: "80" }],
      hostname: "web.local",
      dns: ["10.0.0.53"],
      sysctls: { "net.ipv4.ip_unprivileged_port_start": "0" },
      links: ["cache:cache", "worker_v1:w"],
      cap_drop: ["ALL"],
      cap_add: ["NET_ADMIN"],
    });
  });

  it("gives every name of a called service an address of loopback", () => {
    const names = ["user-db", "user_db", "pg", "the-db"];
    expect(services().web_v1?.extra_hosts).toEqual([
      "elsewhere=10.0.0.1",
      ...[...names, "postgres"].map((name) => `${name}:127.0.1.2`),
      "host.docker.internal:host-gateway",
    ]);
    expect(services().worker_v1?.extra_hosts).toEqual([
      ...names.map((name) => `${name}:127.0.1.2`),
      "host.docker.internal:host-gateway",
    ]);
  });

  it("takes all of that from the service, and changes nothing else of it", () => {
    const { depends_on, labels, ...own } = services().Web ?? {};
    expect(own).toEqual({
      network_mode: "service:web_v1",
      ...Object.fromEntries(
        ["dns", "hostname", "ports", "networks", "links", "extra_hosts"].map((key) => [key, "RESET"]),
      ),
      sysctls: { "kernel.msgmax": "1" },
    });
    expect(depends_on).toEqual({ "web_v1-sidecar": { condition: "service_healthy" } });
    expect(labels).toEqual({ "meshwright.mesh": "shop" });
  });

  it("runs a service once", () => {
    expect(services().worker).toMatchObject({ scale: 1, deploy: { replicas: 1 } });
  });

  it("leaves a service alone that is not in the mesh", () => {
    expect(services().cache).toBeUndefined();
  });

  it("has no listener before an app that only calls", () => {
    const { envoyFiles } = PLAN;
    expect(envoyFiles.get("worker_v1/listeners.yaml")).not.toContain("inbound");
    expect(envoyFiles.get("user-db_v1/listeners.yaml")).toContain("tcp_proxy");
  });

  it("lets a version that runs on this machine stand beside those of compose", () => {
    expect(services()["web_mine-app"]).toBeUndefined();
    expect(services().web_mine?.networks).toEqual({ front: null, back: null });
  });

  it("can be told other images and ports, by names that a project has no other use for", () => {
    const { composeFile } = PLAN;
    const variables = [...composeFile.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name);
    for (const name of variables) expect(name).toMatch(/^(MESHWRIGHT_\w+|\w+_IMAGE)$/);
    expect(composeFile).toMatch(
      /\$\{MESHWRIGHT_GATEWAY_ADDRESS:-127\.0\.0\.1\}:\$\{MESHWRIGHT_GATEWAY_PORT:-10000\}:10000/,
    );
  });
});
