import { z } from 'zod';
import { DURATION_PATTERN, formatDuration, formatSize, parseDuration, parseSize, SIZE_PATTERN } from './units.ts';

/**
 * The kinds of values a configuration is made of. The message of each is what a problem prints after "expected", so it
 * says what would be right and never what is wrong.
 */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
/** The last label is never a number, or `300.1.1.1` would pass for a name. */
const HOST_NAME =
  /^(?=.{1,253}$)(?!.*(?:^|\.)[0-9]+\.?$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.(?=.)|\.?$))+$/;
const HOST_PORT = /^(\[[0-9A-Fa-f:.]+\]|[^\s:[\]/@]+):([0-9]{1,5})$/;
const DIGITS = /^[0-9]{1,15}$/;

export const MAX_PORT = 65_535;
const DAY_MS = 86_400_000;

/** References become text, and so does a quoted number; both stand for the number. */
function fromDigits(value: unknown): unknown {
  return typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
}

export function count(least: number, most: number, what = 'a whole number') {
  const error = `${what} from ${least} to ${most}`;
  return z.preprocess(fromDigits, z.int({ error }).min(least, { error }).max(most, { error }));
}

/** A port something is reached at. */
export const port = () => count(1, MAX_PORT, 'a port');

/** A port to listen at. */
export function listenPort() {
  const error = `a port from 0 (any free one) to ${MAX_PORT}`;
  return z.preprocess(fromDigits, z.int({ error }).min(0, { error }).max(MAX_PORT, { error }));
}

export function decimal(least: number, most: number) {
  const error = `a number from ${least} to ${most}`;
  return z.number({ error }).min(least, { error }).max(most, { error });
}

export function ratio(least: number) {
  const error = least > 0 ? 'a number above 0 and at most 1' : 'a number from 0 to 1';
  const number = z.number({ error }).max(1, { error });
  return least > 0 ? number.gt(0, { error }) : number.min(0, { error });
}

export const flag = () => z.boolean({ error: 'true or false' });

export function choice<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/** Printable text of one line. */
export function text(what: string) {
  return z.string({ error: what }).regex(/^[^\u0000-\u001f\u007f]+$/, { error: what });
}

export const name = () => z.string({ error: NAME_WORDS }).regex(NAME, { error: NAME_WORDS });
const NAME_WORDS = 'a name of letters, digits, "-", "_" and "." that begins and ends with a letter or digit';

const LABEL = /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/;
const LABEL_WORDS =
  'a name in lower case, of letters, digits, "-" and "_", that begins and ends with a letter or digit';

/** What an upstream is called here is also what its Host is, and that knows no case and no dots. */
export const label = () => z.string({ error: LABEL_WORDS }).regex(LABEL, { error: LABEL_WORDS });

export const path = () => text('the path of a file');

interface DurationBounds {
  readonly least?: number;
  /** A day unless given. */
  readonly most?: number;
  /** 0 is allowed too, and switches the thing off. */
  readonly zero?: boolean;
}

/** Bounds in ms. */
export function duration(bounds: DurationBounds = {}): z.ZodType<number> {
  const { least = 1, most = DAY_MS } = bounds;
  const range = least > 1 ? ` of at least ${formatDuration(least)}` : '';
  const allows = (ms: number | null): boolean => (ms === 0 && bounds.zero === true) || isWithin(ms, least, most);
  const error = `a duration${range} such as 500ms or 15s${bounds.zero ? ', or 0 for none' : ''}`;
  const written = z
    .string({ error })
    .regex(DURATION_PATTERN, { error })
    .refine((value) => allows(parseDuration(value)), { error: `${error}, at most ${formatDuration(most)}` })
    .transform((value) => parseDuration(value) ?? 0);
  return bounds.zero ? z.union([zero(), written], { error }) : written;
}

/** Bounds in bytes. */
export function size(bounds: {
  readonly least: number;
  readonly most: number;
  readonly zero?: boolean;
}): z.ZodType<number> {
  const range = `from ${formatSize(bounds.least)} to ${formatSize(bounds.most)}`;
  const error = `a size such as 64KiB, ${range}${bounds.zero ? ', or 0 for none' : ''}`;
  const written = z
    .string({ error })
    .regex(SIZE_PATTERN, { error })
    .refine((value) => isWithin(parseSize(value), bounds.least, bounds.most), { error })
    .transform((value) => parseSize(value) ?? 0);
  return bounds.zero ? z.union([zero(), written], { error }) : written;
}

/** An address to bind. `localhost` is 127.0.0.1, since a listener has one address. */
export function bindAddress() {
  const error = 'an IP address such as 127.0.0.1, 0.0.0.0 or ::1';
  return z
    .string({ error })
    .refine((value) => value === 'localhost' || isIp(unbracketed(value)), { error })
    .transform((value) => (value === 'localhost' ? '127.0.0.1' : unbracketed(value)));
}

/** An address or a name to connect to. */
export function host() {
  const error = 'an IP address or a host name';
  return z.string({ error }).refine(isHost, { error }).transform(unbracketed);
}

export const HOST_PORT_WORDS = '"host:port" such as "127.0.0.1:8080" or "[::1]:8080"';

export function hostPort() {
  return z
    .string({ error: HOST_PORT_WORDS })
    .regex(HOST_PORT, { error: HOST_PORT_WORDS })
    .refine((value) => splitHostPort(value) !== null, { error: HOST_PORT_WORDS })
    .transform((value) => splitHostPort(value) ?? { host: '', port: 0 });
}

/** Null when the host or the port is none. */
export function splitHostPort(value: string): { readonly host: string; readonly port: number } | null {
  const [, hostPart, portPart] = HOST_PORT.exec(value) ?? [];
  if (hostPart === undefined || portPart === undefined || !isHost(hostPart)) return null;
  const number = Number(portPart);
  return isWithin(number, 1, MAX_PORT) ? { host: unbracketed(hostPart), port: number } : null;
}

/** `0`, and through a reference `"0"`, in place of a duration or a size. */
function zero() {
  return z.preprocess(fromDigits, z.literal(0));
}

function isHost(value: string): boolean {
  return isIp(unbracketed(value)) || HOST_NAME.test(value);
}

function isIp(value: string): boolean {
  return z.regexes.ipv4.test(value) || z.regexes.ipv6.test(value);
}

function unbracketed(value: string): string {
  return value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value;
}

function isWithin(value: number | null, least: number, most: number): boolean {
  return value !== null && value >= least && value <= most;
}
