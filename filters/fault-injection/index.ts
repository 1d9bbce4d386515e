// fault-injection: delays, aborts, black-holes and spoils a part of the traffic.

import { Bytes, HttpContext, LogLevel, log, registerRootContext } from "../../assembly";
import { Config } from "../../assembly/config";
import { FaultInjectionConfig } from "./config";
import { FaultEngine } from "./engine";
import { FaultRoot, FaultStream } from "./stream";

export {
  malloc,
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
  proxy_on_response_trailers,
} from "../../assembly/exports/stream";

@final
class FaultInjectionRoot extends FaultRoot {
  override onConfigure(configuration: Bytes): bool {
    const document = Config.parse(configuration);
    const config = new FaultInjectionConfig(document.root);
    if (document.failed) {
      log(LogLevel.Error, "fault-injection: configuration refused: " + document.error);
      return false;
    }
    this.engine = new FaultEngine(config);
    return true;
  }

  override createHttpContext(): HttpContext {
    return new FaultStream(this);
  }
}

registerRootContext((id: u32) => new FaultInjectionRoot(id));
