// The endpoints of a cluster, in the zones in which they stand.
import { type Address, type PipeAddress, socketAddress } from "./address.js";

export interface Endpoint {
  /** An IP address, or a host's name for Envoy to resolve. */
  readonly address: string;
  readonly port: number;
  readonly place?: EndpointPlace;
}

/** Where an endpoint stands, seen from one caller. */
export interface EndpointPlace {
  readonly zone: string;
  /** The zone's part of the requests beside those of others; 1 or more. Default: not weighted. */
  readonly weight?: number;
  /** 0 or more, without a gap. A higher one gets requests when those before it are down. */
  readonly priority?: number;
}

/** The fields of Envoy's `LocalityLbEndpoints`. */
export interface LocalityEndpoints {
  readonly locality?: { readonly region?: string; readonly zone: string };
  readonly load_balancing_weight?: number;
  readonly priority?: number;
  readonly lb_endpoints: readonly { readonly endpoint: { readonly address: Address | PipeAddress } }[];
}

/** One group for each zone, in the order in which they come first. */
export function localityEndpoints(endpoints: readonly Endpoint[]): readonly LocalityEndpoints[] {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const zone = endpoint.place?.zone ?? "";
    groups.set(zone, [...(groups.get(zone) ?? []), endpoint]);
  }
  return [...groups.values()].map((group) => ({
    ...localityOf(group[0]?.place),
    lb_endpoints: group.map(({ address, port }) => ({ endpoint: { address: socketAddress(address, port) } })),
  }));
}

function localityOf(place: EndpointPlace | undefined): Omit<LocalityEndpoints, "lb_endpoints"> {
  if (place === undefined) return {};
  const { weight, priority } = place;
  return {
    locality: locality(place.zone),
    ...(weight === undefined ? {} : { load_balancing_weight: weight }),
    ...(priority === undefined ? {} : { priority }),
  };
}

/** @param zone `ZONE`, or `REGION/ZONE` */
export function locality(zone: string): { readonly region?: string; readonly zone: string } {
  const [region = "", within] = zone.split("/");
  return within === undefined ? { zone } : { region, zone: within };
}
