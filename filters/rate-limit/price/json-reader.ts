// What looks for something in JSON that comes in pieces.

export abstract class JsonReader {
  /** Reads the next piece. */
  abstract read(ptr: usize, size: i32): void;

  /** Another document begins here, whatever the one before it lacked. Keeps what was found. */
  abstract restart(): void;
}
