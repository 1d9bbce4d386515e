// The content of a JSON document, as a tree that owns its memory.

import { Bytes } from "./bytes";

export enum JsonKind {
  Null,
  Bool,
  Number,
  Text,
  Array,
  Object,
}

// Shared by the values without text or items: most values of a document are scalars.
const NO_TEXT = Bytes.owned(0);
const NO_ITEMS: JsonValue[] = [];

/** One value. Only the field of its kind is filled. */
@final
export class JsonValue {
  bool: bool = false;
  /** Always finite. */
  number: f64 = 0;
  /** Unescaped, valid UTF-8; may contain NUL. */
  text: Bytes = NO_TEXT;
  /**
   * The items of an array, or the values of an object, in the order of the document. Do not change
   * it.
   */
  items: JsonValue[] = NO_ITEMS;
  /**
   * The key under which an object holds this value; an object has no key twice. Empty elsewhere.
   */
  key: Bytes = NO_TEXT;
  /** Where that key begins in the document, in bytes. */
  keyOffset: i32 = 0;
  /**
   * Where an object's value begins in the document, and where it ends, in bytes: the filters of a
   * bundle read their parts from there.
   */
  start: i32 = 0;
  end: i32 = 0;

  constructor(readonly kind: JsonKind) {}

  /** The value that an object holds under `key`, or null. */
  find(key: Bytes): JsonValue | null {
    for (let i = 0; i < this.items.length; i++) {
      if (this.items[i].key.equals(key)) return this.items[i];
    }
    return null;
  }
}
