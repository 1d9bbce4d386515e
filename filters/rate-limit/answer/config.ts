// Reads what a refused request gets. Its TypeScript twin is `answer` of `schema.ts`.

import { Bytes, Reply } from "../../../assembly";
import { ConfigNode, parseBody, parseContentType, parseReplyHeaders } from "../../../assembly/config";
import {
  DEFAULT_GRPC_STATUS,
  DEFAULT_STATUS,
  MAX_GRPC_STATUS,
  MAX_STATUS,
  MIN_GRPC_STATUS,
  MIN_STATUS,
} from "../limits";
import { OWN_FIELDS } from "../own-fields";
import { BodyTemplate } from "./body-template";

const KEYS: StaticArray<string> = ["status", "headers", "body", "contentType", "grpcStatus"];
/**
 * By this a caller's Envoy knows that it must not retry, as of a refusal by its own rate limit
 * filter.
 */
const REFUSED: Array<Bytes> = [Bytes.of("x-envoy-ratelimited"), Bytes.of("true")];
const MESSAGE = Bytes.of("rate limited");

/** The answer to a refused request. */
@final
export class AnswerPolicy {
  constructor(
    /** Its body is that of the template as it stands. */
    readonly reply: Reply,
    readonly template: BodyTemplate,
  ) {}
}

export function parseAnswer(node: ConfigNode): AnswerPolicy {
  if (node.present) node.keys(KEYS);
  const status = <u32>node.get("status").integerOr(MIN_STATUS, MAX_STATUS, DEFAULT_STATUS);
  const headers = parseReplyHeaders(node.get("headers"));
  for (let i = 0; i < headers.length; i += 2) {
    if (OWN_FIELDS.find(headers[i]) < 0 && !headers[i].equals(REFUSED[0])) continue;
    node
      .get("headers")
      .at(i / 2)
      .get("name")
      .fail("must not be a field that the filter writes itself");
  }
  const body = parseBody(node.get("body"));
  const type = parseContentType(node.get("contentType"));
  const grpcStatus = <i32>(
    node.get("grpcStatus").integerOr(MIN_GRPC_STATUS, MAX_GRPC_STATUS, DEFAULT_GRPC_STATUS)
  );
  const reply = new Reply(status, grpcStatus, body, type, REFUSED.concat(headers), MESSAGE);
  return new AnswerPolicy(reply, new BodyTemplate(body));
}
