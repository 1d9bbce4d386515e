// Expressions in CEL, which Envoy compiles once and evaluates over a stream's attributes.
// Source: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes

import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";
import { callForeignFunction, ForeignResult } from "./foreign";

/**
 * A compiled expression. It belongs to the root context that compiled it and stays in the host's
 * memory until `delete`.
 */
@final
export class Expression {
  private readonly token: Bytes;

  /** For `compile`. */
  constructor(token: Bytes) {
    this.token = token.copy();
  }

  /**
   * Compiles an expression. `null` if it does not compile; Envoy's log then has the reason at level
   * `info`. For `onConfigure`.
   */
  static compile(source: string): Expression | null {
    const token = callForeignFunction("expr_create", Bytes.of(source)).value;
    return token && token.size == 4 ? new Expression(token) : null;
  }

  /**
   * Evaluates the expression over the current stream. The result is the status `Ok` and the value,
   * encoded as `getProperty` encodes values of its type; or `InternalFailure` after an error, such
   * as a missing attribute; or `NotFound` after `delete`. One host call.
   */
  evaluate(): ForeignResult {
    return callForeignFunction("expr_evaluate", this.token);
  }

  /**
   * For an expression that gives true or false; `missing` after an error, or if the value is of
   * another type.
   */
  test(missing: bool): bool {
    const value = this.evaluate().value;
    return value && value.size == 1 ? value.at(0) != 0 : missing;
  }

  /** Returns its memory to the host. */
  delete(): Status {
    return callForeignFunction("expr_delete", this.token).status;
  }
}
