const MAX_PUSHBACK_MS = 300_000;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;

/**
 * When a gRPC server wants a failed call again (`grpc-retry-pushback-ms`, gRPC proposal A6), in ms, at most five
 * minutes. Never, which is `Infinity`, when it says something negative or something that cannot be read.
 */
export function parsePushback(value: string): number {
  return /^\d{1,10}$/.test(value) ? Math.min(Number(value), MAX_PUSHBACK_MS) : Number.POSITIVE_INFINITY;
}

/**
 * How long an endpoint asks to be left alone (Retry-After: RFC 9110, 10.2.3), in ms, at most five minutes; -1 when it
 * does not say. The two obsolete forms of dates are taken for silence: it is a hint, and nobody has sent them for
 * decades.
 */
export function parseRetryAfter(value: string | null, wallMs: number): number {
  if (value === null) return -1;
  if (/^\d{1,10}$/.test(value)) return Math.min(Number(value) * 1000, MAX_PUSHBACK_MS);
  const parts = DATE.exec(value);
  if (parts === null) return -1;
  const month = MONTHS.indexOf(parts[2]!);
  if (month < 0) return -1;
  const [day, year, hour, minute, second] = [parts[1], parts[3], parts[4], parts[5], parts[6]].map(Number);
  const at = Date.UTC(year!, month, day, hour, minute, second);
  return Math.min(Math.max(at - wallMs, 0), MAX_PUSHBACK_MS);
}
