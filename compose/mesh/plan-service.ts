// Plans what a mesh starts beside Envoys: the instances of its services, each with its command and
// the variables by which it finds the others. Pure.

import path from "node:path";
import { LOOPBACK } from "../listener-options.js";
import { type UpstreamAddress, upstreamUrl } from "../upstream-url.js";
import { appAddress, type Context, EGRESS_PORT, outboundUrl, port } from "./addresses.js";
import type { Instance } from "./instances.js";
import { proxyVariables } from "./policy/egress.js";
import { isTcp } from "./protocols.js";

/** One instance of a version of a service. */
export interface ServicePlan {
  readonly service: string;
  readonly version: string;
  /** The instance's name, which its sidecar has too. */
  readonly name: string;
  /** The address at which it takes requests. */
  readonly address: UpstreamAddress;
  /** That address as a person writes it. */
  readonly url: string;
  /** The URLs at which it calls others, by the variables `<SERVICE>_URL`. */
  readonly calls: Readonly<Record<string, string>>;
  /** The service of compose that it is. */
  readonly compose?: string;
  /** How to start it; absent where it already runs, and where compose starts it. */
  readonly start?: {
    readonly command: string;
    readonly args: readonly string[];
    /** Added to the variables of the process that starts it. */
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
  };
}

export function planService(context: Context, app: Instance): ServicePlan {
  const { service, version, name } = app;
  const { calls: called = [], versions = {} } = context.mesh.services[service] ?? {};
  const calls = Object.fromEntries(
    called.map((each) => [urlVariable(each), outboundUrl(context, name, each)]),
  );
  const how = versions[version];
  const address = appAddress(context, app);
  const url = upstreamUrl(address).replace(/^\w+/, (scheme) =>
    isTcp(context.mesh.services[service]) ? "tcp" : scheme,
  );
  const plan = { service, version, name, address, url, calls };
  if (how === undefined) return plan;
  if ("compose" in how) return { ...plan, compose: how.compose };
  if (!("command" in how)) return plan;
  const [command = "", ...args] =
    typeof how.command === "string" ? ["/bin/sh", "-c", how.command] : how.command;
  return {
    ...plan,
    start: {
      command,
      args,
      cwd: path.resolve(context.home, how.cwd ?? "."),
      env: {
        ...proxyVariablesOf(context, called),
        ...Object.fromEntries(Object.entries(how.env ?? {}).map(([key, value]) => [key, String(value)])),
        PORT: String(plan.address.port),
        SERVICE_NAME: service,
        SERVICE_VERSION: version,
        ...(how.instances === undefined ? {} : { SERVICE_INSTANCE: String(app.number) }),
        ...(app.zone === undefined ? {} : { SERVICE_ZONE: app.zone }),
        ...calls,
      },
    },
  };
}

/** A version's own variables come before these. */
function proxyVariablesOf(context: Context, called: readonly string[]): Readonly<Record<string, string>> {
  if (context.mesh.egress === undefined) return {};
  const host = context.places?.egress.host ?? LOOPBACK;
  return proxyVariables(`http://${host}:${port(context, EGRESS_PORT)}`, called);
}

/** The variable that tells an app where to call a service: `PAYMENTS_URL`, `GIFT_CARDS_URL`. */
function urlVariable(service: string): string {
  return `${service.toUpperCase().replaceAll("-", "_")}_URL`;
}
