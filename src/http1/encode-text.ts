/**
 * Where encoders write: at `bytes[end]`, moving `end`. The caller has made the room that the `..Room` functions ask for
 * (`Output.open` in net/).
 */
export interface EncodeTarget {
  readonly bytes: Buffer;
  end: number;
}

/** Below this a loop is cheaper than the call into the runtime. */
const SHORT_TEXT = 24;

/** Writes latin1 text. */
export function putText(out: EncodeTarget, text: string): void {
  const { bytes, end } = out;
  const { length } = text;
  if (length < SHORT_TEXT) {
    for (let i = 0; i < length; i++) bytes[end + i] = text.charCodeAt(i);
    out.end = end + length;
  } else {
    out.end = end + bytes.write(text, end, length, 'latin1');
  }
}

/** Writes `name: value CRLF`. */
export function putLine(out: EncodeTarget, name: string, value: string): void {
  putText(out, name);
  putText(out, ': ');
  putText(out, value);
  putText(out, '\r\n');
}

/** Bytes of a line beside its name and value. */
export const LINE_ROOM = 4;
