// rate-limit: lets a number of requests of each key pass in a unit of time, counted over all
// workers, or by a rate limit service.

import { FilterRoot, HttpContext, registerRootContext } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { RateLimitConfig } from "./config";
import { Pipeline } from "./pipeline";
import { RateLimitStream } from "./stream";

export { proxy_on_grpc_close, proxy_on_grpc_receive } from "../../assembly/exports/calls";
export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_tick,
} from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_body,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

@final
class RateLimitRoot extends FilterRoot<RateLimitConfig, Pipeline> {
  override parse(root: ConfigNode): RateLimitConfig {
    return new RateLimitConfig(root);
  }

  override neededCallbacks(config: RateLimitConfig): u32 {
    return config.neededCallbacks();
  }

  override accept(config: RateLimitConfig): Pipeline {
    return new Pipeline(config, this);
  }

  override streamContext(pipeline: Pipeline): HttpContext {
    return new RateLimitStream(pipeline);
  }
}

registerRootContext((id: u32) => new RateLimitRoot(id, "rate-limit"));
