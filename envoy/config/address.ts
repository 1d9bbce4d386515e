// A socket's address in Envoy's configuration.

export interface Address {
  readonly socket_address: {
    readonly address: string;
    readonly port_value: number;
    readonly ipv4_compat?: true;
  };
}

/** A Unix domain socket of Envoy's machine. */
export interface PipeAddress {
  readonly pipe: { readonly path: string };
}

/**
 * @param address an IP address, or a host's name where Envoy resolves names
 * @param port 0 to 65535
 */
export function socketAddress(address: string, port: number): Address {
  return { socket_address: { address, port_value: port } };
}

/**
 * The address of a listener. `::` takes connections to every address of IPv4 too, as it does for
 * most servers; Envoy alone would not.
 * @param address an IP address
 * @param port 0 to 65535
 */
export function listeningAddress(address: string, port: number): Address {
  const { socket_address } = socketAddress(address, port);
  return { socket_address: address === "::" ? { ...socket_address, ipv4_compat: true } : socket_address };
}
