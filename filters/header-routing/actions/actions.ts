// What a rule does to the requests that it sends to a destination.

import { Bytes } from "../../../assembly";
import { HeaderEdits } from "./header-edits";
import { PathChange } from "./path-change";

/** Each part is `null` where the rule does not have it. */
@final
export class Actions {
  path: PathChange | null = null;
  host: Bytes | null = null;
  requestHeaders: HeaderEdits | null = null;
  responseHeaders: HeaderEdits | null = null;
  /** Who gets a copy. */
  mirror: Bytes | null = null;
}
