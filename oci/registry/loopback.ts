// Which hosts are this machine. Only they are spoken to without TLS.

import { isIP } from "node:net";

/** @param hostname as `URL.hostname` has it: an IPv6 address in brackets */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host.endsWith(".localhost")) return true;
  return host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** Whether the address is one that only a private network knows. A name is not looked up. */
export function isPrivateAddress(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (isLoopback(hostname)) return true;
  if (isIP(host) === 6) return /^(f[cd]|fe[89ab])/.test(host);
  return isIP(host) === 4 && /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.)/.test(host);
}
