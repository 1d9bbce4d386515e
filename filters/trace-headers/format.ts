// The formats, by which sets of them are bits.

/** A format that can be read. */
export enum Format {
  W3c = 0,
  B3 = 1,
  B3Multi = 2,
  XRay = 3,
  GoogleCloud = 4,
  Datadog = 5,
  SkyWalking = 6,
}

/** How many can be read. It stands for the source, too, if none was. */
export const READ_FORMATS: i32 = 7;
/** One more, which is only written. */
export const X_TRACE_ID_FORMAT: i32 = READ_FORMATS;

/** Another one for baggage, which is handled like a format, and belongs to no trace. */
export const BAGGAGE_FORMAT: i32 = X_TRACE_ID_FORMAT + 1;

/** The bit of a format. */
export function bitOf(format: i32): u32 {
  return (<u32>1) << format;
}

/**
 * Formats whose headers never pass unread: those that are accepted by default, and `x-trace-id`.
 */
export const ALWAYS_HANDLED: u32 =
  (1 << Format.W3c) | (1 << Format.B3) | (1 << Format.B3Multi) | (1 << X_TRACE_ID_FORMAT);
