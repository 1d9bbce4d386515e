// The rate limit service of a plugin: who it is, how long it may take, and which keys it is known
// to refuse.

import { Bytes, GrpcCallHandler, GrpcService, grpcCall, Status } from "../../assembly";
import { OverTable } from "./service-over";
import { DescriptorWriter } from "./service-request";

const SERVICE_NAME = Bytes.of("envoy.service.ratelimit.v3.RateLimitService");
const METHOD = Bytes.of("ShouldRateLimit");

/** What becomes of a request without an answer of the service. */
export enum FailureMode {
  Allow = 0,
  Deny = 1,
  /** Each rule's fallback decides. */
  Local = 2,
}

/**
 * One for a plugin. Its streams write their requests one after the other, each within a callback,
 * and so share the writer.
 */
@final
export class RateLimitService {
  readonly writer: DescriptorWriter;
  /** `null` where the service is asked each time. */
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

  /** Sends what the writer has. Status as of `grpcCall`. One host call. */
  send(handler: GrpcCallHandler): Status {
    const message = this.writer.finish();
    return grpcCall(this.service, SERVICE_NAME, METHOD, null, message, this.timeoutMs, handler);
  }
}

/** Both, told apart: no name has a NUL in Envoy's configuration. */
function joined(cluster: Bytes, domain: Bytes): Bytes {
  const both = Bytes.owned(cluster.size + 1 + domain.size);
  memory.copy(both.ptr, cluster.ptr, cluster.size);
  memory.copy(both.ptr + cluster.size + 1, domain.ptr, domain.size);
  return both;
}
