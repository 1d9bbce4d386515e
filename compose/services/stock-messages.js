// The two messages of stock.proto, in protobuf's own bytes: each is one field, field 1.

const TEXT_FIELD_1 = 0x0a;
const NUMBER_FIELD_1 = 0x08;

/** @param {string} name up to 127 bytes */
export function writeItem(name) {
  const text = Buffer.from(name);
  return Buffer.concat([Buffer.from([TEXT_FIELD_1, text.length]), text]);
}

/** @param {Buffer} message */
export function readItem(message) {
  return message[0] === TEXT_FIELD_1 ? message.subarray(2, 2 + (message[1] ?? 0)).toString() : "";
}

/** @param {number} left up to 127 */
export function writeLevel(left) {
  return left === 0 ? Buffer.alloc(0) : Buffer.from([NUMBER_FIELD_1, left]);
}

/** @param {Buffer} message */
export function readLevel(message) {
  return message[0] === NUMBER_FIELD_1 ? (message[1] ?? 0) : 0;
}
