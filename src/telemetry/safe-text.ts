const MAX_CHARACTERS = 2_048;
const scratch = Buffer.alloc(MAX_CHARACTERS);
const QUESTION_MARK = 0x3f;

/**
 * A bounded copy of text that came from outside, fit for logs and spans: control characters (a terminal obeys them,
 * those of latin1's upper half too) become question marks.
 *
 * It is a copy of its own: a slice would keep the whole head it was cut from for as long as the span waits for export.
 */
export function safeText(text: string, maxCharacters: number): string {
  const length = scratch.write(text.length > maxCharacters ? text.slice(0, maxCharacters) : text, 'latin1');
  for (let at = 0; at < length; at++) if (isControl(scratch[at]!)) scratch[at] = QUESTION_MARK;
  return scratch.toString('latin1', 0, length);
}

function isControl(byte: number): boolean {
  return byte < 0x20 || (byte >= 0x7f && byte <= 0x9f);
}

const SECRET_PARAMETERS = /([?&](?:awsaccesskeyid|signature|sig|x-goog-signature|x-amz-[a-z-]+)=)[^&]*/gi;

/**
 * Path and query with the values of signed URLs hidden: OpenTelemetry's list of parameters, and Amazon's newer ones.
 */
export function redactedTarget(path: string): string {
  return path.includes('?') ? path.replace(SECRET_PARAMETERS, '$1REDACTED') : path;
}
