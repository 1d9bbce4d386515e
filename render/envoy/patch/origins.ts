// Which value of a document a changed value comes from, so that a change is made at its place and
// everything else of the text stays.

/** Remembers where changed values come from. One for each patch. */
export class Origins {
  readonly #origins = new WeakMap<object, object>();

  /** A copy of `value` with these keys. */
  changed<T extends object>(value: T, keys: Readonly<Record<string, unknown>>): T {
    return this.#derived({ ...value, ...keys }, value);
  }

  /** A value that stands where `value` stood. */
  replaced<T extends object>(value: object, by: T): T {
    return this.#derived({ ...by }, value);
  }

  /** Other items in place of a list's. Those that stay must be the same objects, or changed. */
  items<T>(list: readonly T[], items: readonly T[]): T[] {
    return this.#derived([...items], list as T[]);
  }

  /** The value of the document that became this one; itself where it did not change. */
  of(value: unknown): unknown {
    return typeof value === "object" && value !== null ? (this.#origins.get(value) ?? value) : value;
  }

  #derived<T extends object>(made: T, from: object): T {
    this.#origins.set(made, this.#origins.get(from) ?? from);
    return made;
  }
}
