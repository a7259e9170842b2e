const DIGIT_0 = 0x30;

/**
 * The number that a Content-Length says, or -1 when it is anything but digits. Lists are refused also where their
 * members agree, as HTTP/1.1 is held to here.
 */
export function parseLength(text: string): number {
  if (text === '') return -1;
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
    // Above this a Number no longer says what the digits say.
    if (length > Number.MAX_SAFE_INTEGER) return -1;
  }
  return length;
}

/** A length with zeros in front is said anew, since not everybody reads it alike. */
export function beginsWithZero(text: string): boolean {
  return text.charCodeAt(0) === DIGIT_0;
}
