// Reads from the response's headers what the upstream asks about the next retry.

import { Bytes, nowMilliseconds, responseHeaders } from "../../assembly";
import { grpcPushesBack, NO_DATE, parseHttpDate, retryAfterSeconds } from "./pushback";

const GRPC_PUSHBACK = Bytes.of("grpc-retry-pushback-ms");
const RETRY_AFTER = Bytes.of("retry-after");

/** Whether the upstream asks for no retry now. Two host calls, and one more for a date. */
export function pushesBack(): bool {
  if (grpcPushesBack(responseHeaders.get(GRPC_PUSHBACK))) return true;
  const after = responseHeaders.get(RETRY_AFTER);
  if (!after) return false;
  const date = parseHttpDate(after);
  return date == NO_DATE ? retryAfterSeconds(after) : date > <i64>nowMilliseconds();
}
