// The rules of nftables that lead an app's connections through its sidecar, in the network
// namespace that both share. The app needs to know nothing of it.

import { PORTS } from "../places.js";

/** A service that the app calls. */
export interface CalledRule {
  /** The loopback address that the service's names have in the pod. */
  readonly address: string;
  readonly port: number;
  /** The port of the sidecar's listener for it, on loopback. */
  readonly listener: number;
}

export interface RulesInput {
  readonly calls: readonly CalledRule[];
  /** Where the app listens; undefined where it only calls. */
  readonly appPort: number | undefined;
  /** Whether the sidecar listens on addresses of IPv6 too. */
  readonly ipv6: boolean;
  /** The number of the sidecar's user. */
  readonly envoyUser: number;
}

/** The rules as nft reads them. They replace those of an earlier start as one step. */
export function redirectRules({ calls, appPort, ipv6, envoyUser }: RulesInput): readonly string[] {
  const family = ipv6 ? "" : "meta nfproto ipv4 ";
  const outside = `iifname != "lo" tcp dport ${appPort}`;
  return [
    "table inet meshwright",
    "delete table inet meshwright",
    "table inet meshwright {",
    "  chain calls {",
    "    type nat hook output priority -100",
    ...calls.map(
      ({ address, port, listener }) => `    ip daddr ${address} tcp dport ${port} redirect to :${listener}`,
    ),
    "  }",
    "  chain outside {",
    "    type nat hook prerouting priority -100",
    ...(appPort === undefined ? [] : [`    ${family}${outside} redirect to :${PORTS.inbound}`]),
    "  }",
    "  chain closed {",
    "    type filter hook input priority 0",
    // What was redirected comes in at the sidecar's port, so this is a way around it.
    ...(appPort === undefined ? [] : [`    ${outside} reject with tcp reset`]),
    "  }",
    "  chain own {",
    "    type filter hook output priority 0",
    // A called name has the one port; at any other the app would meet itself.
    ...calls.map(({ address }) => `    ip daddr ${address} meta l4proto tcp reject with tcp reset`),
    ...calls.map(({ address }) => `    ip daddr ${address} reject`),
    `    meta skuid != ${envoyUser} tcp dport { ${PORTS.admin}, ${PORTS.inbound}, ${PORTS.status} } reject with tcp reset`,
    "  }",
    "}",
  ];
}
