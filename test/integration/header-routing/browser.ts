// A client that keeps its cookies, as a browser does, for the tests of header-routing.

import { type SendOptions, send } from "../../../kit/envoy/client.js";
import type { ClientResponse } from "../../../kit/traffic.js";

/** Cookies of one host, by name. It sends each to every path. */
export class Browser {
  readonly cookies = new Map<string, string>();

  /** @param url of the proxy */
  constructor(private readonly url: string) {}

  /** Sends a request with its cookies, and keeps those that the answer sets. */
  async visit(options: SendOptions = {}): Promise<ClientResponse> {
    const pairs = [...this.cookies].map(([name, value]) => `${name}=${value}`);
    const cookies = pairs.length === 0 ? [] : [["cookie", pairs.join("; ")] as const];
    const response = await send(this.url, { ...options, headers: [...(options.headers ?? []), ...cookies] });
    for (const setting of settingsIn(response)) {
      const [, name = "", value = ""] = /^([^=]*)=([^;]*)/.exec(setting) ?? [];
      this.cookies.set(name, value);
    }
    return response;
  }
}

/** The values of `set-cookie`, in their order. */
export function settingsIn(response: ClientResponse): readonly string[] {
  return response.headers.filter(([name]) => name.toLowerCase() === "set-cookie").map(([, value]) => value);
}
