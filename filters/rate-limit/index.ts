// rate-limit: lets so many requests of each key pass in a time, counted over all workers, or by a
// rate limit service.

import { Bytes, HttpContext, LogLevel, log, RootContext, registerRootContext } from "../../assembly";
import { Config } from "../../assembly/config";
import { RateLimitConfig } from "./config";
import { Pipeline } from "./pipeline";
import { RateLimitStream } from "./stream";

export { proxy_on_grpc_close, proxy_on_grpc_receive } from "../../assembly/exports/calls";
export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

const NO_NAME = new Bytes(0, 0);

@final
class RateLimitRoot extends RootContext {
  private pipeline: Pipeline | null = null;

  override onConfigure(configuration: Bytes): bool {
    const document = Config.parse(configuration);
    const config = new RateLimitConfig(document.root);
    if (document.failed) {
      log(LogLevel.Error, "rate-limit: configuration refused: " + document.error);
      return false;
    }
    this.pipeline = new Pipeline(config, this.nameOfPlugin());
    return true;
  }

  override createHttpContext(): HttpContext {
    const pipeline = this.pipeline;
    return pipeline ? new RateLimitStream(pipeline) : new HttpContext();
  }

  /** In a bundle the whole is what Envoy has a name for. */
  private nameOfPlugin(): Bytes {
    const owner = this.owner;
    const name = owner ? owner.pluginName : this.pluginName;
    return name ? name : NO_NAME;
  }
}

registerRootContext((id: u32) => new RateLimitRoot(id));
