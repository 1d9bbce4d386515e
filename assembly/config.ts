// Strict configuration: a JSON document whose keys are all checked. `FilterRoot` parses it.

// A document, and a place in it that knows its path.

export { Config, ConfigNode } from "./text/config";

// Values that many filters have.

export { parseDuration, parseDurationOr } from "./text/duration";
export { isHeaderName } from "./text/header-name";
export { isHeaderValue } from "./text/header-value";
export { hasRepeat, parseLabel } from "./text/label";
export {
  parseBody,
  parseContentType,
  parseHeaderValue,
  parseReplyHeader,
  parseReplyHeaders,
} from "./text/reply-config";
