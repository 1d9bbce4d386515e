// A socket's address in Envoy's configuration.

export interface Address {
  readonly socket_address: { readonly address: string; readonly port_value: number };
}

/**
 * @param address an IP address, or a host's name where Envoy resolves names
 * @param port 0 to 65535
 */
export function socketAddress(address: string, port: number): Address {
  return { socket_address: { address, port_value: port } };
}
