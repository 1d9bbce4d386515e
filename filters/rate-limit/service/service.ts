// The rate limit service of a plugin: its cluster and domain, its timeout, and the keys that it is
// known to refuse.

import { Bytes, GrpcCallHandler, GrpcService, grpcCall, Status } from "../../../assembly";
import { OverTable } from "./over";
import { DescriptorWriter } from "./request";

const SERVICE_NAME = Bytes.of("envoy.service.ratelimit.v3.RateLimitService");
const METHOD = Bytes.of("ShouldRateLimit");

/** What happens to a request without an answer from the service. */
export enum FailureMode {
  Allow = 0,
  Deny = 1,
  /** Each rule's fallback decides. */
  Local = 2,
}

/**
 * One for a plugin. Its streams write their requests one after the other, each within a callback,
 * so they can share the writer.
 */
@final
export class RateLimitService {
  readonly writer: DescriptorWriter;
  /** `null` if the service is asked each time. */
  readonly overTable: OverTable | null;
  private readonly service: GrpcService;

  constructor(
    cluster: Bytes,
    domain: Bytes,
    private readonly timeoutMs: u32,
    readonly failureMode: FailureMode,
    preCheck: bool,
  ) {
    this.service = new GrpcService(cluster);
    this.writer = new DescriptorWriter(domain);
    this.overTable = preCheck ? new OverTable(joined(cluster, domain)) : null;
  }

  /** Sends the writer's request. Status as in `grpcCall`. One host call. */
  send(handler: GrpcCallHandler): Status {
    const message = this.writer.finish();
    return grpcCall(this.service, SERVICE_NAME, METHOD, null, message, this.timeoutMs, handler);
  }
}

/** Cluster and domain, separated: no name in Envoy's configuration contains a NUL. */
function joined(cluster: Bytes, domain: Bytes): Bytes {
  const both = Bytes.owned(cluster.size + 1 + domain.size);
  memory.copy(both.ptr, cluster.ptr, cluster.size);
  memory.copy(both.ptr + cluster.size + 1, domain.ptr, domain.size);
  return both;
}
