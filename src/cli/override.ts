import { readFileSync } from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { parseDuration } from '../config/units.ts';
import { writeOverride } from '../route/overrides/override.ts';
import type { TextSink } from './status.ts';

export interface OverrideFlags {
  readonly keyFile: string;
  /** `orders/v2`. */
  readonly to: string;
  /** The upstream whose requests they are; absent: that of `to`. */
  readonly of?: string;
  readonly for: string;
  readonly header: string;
}

const PLACE = /^([a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?)(?:\/([a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?))?$/;
const LEAST_KEY = 32;

/** `remora override`: prints a header that sends requests to another upstream or subset. Exit code 0, or 1 with why not. */
export function runOverride(flags: OverrideFlags, clock: Clock, out: TextSink): number {
  const refuse = (why: string): number => {
    out.write(`remora: ${why}\n`);
    return 1;
  };
  const [, upstream, subset] = PLACE.exec(flags.to) ?? [];
  if (upstream === undefined) return refuse(`--to: expected an upstream or upstream/subset, got "${flags.to}"`);
  const of = flags.of ?? upstream;
  if (!PLACE.test(of) || of.includes('/')) return refuse(`--of: expected the name of an upstream, got "${of}"`);
  const forMs = parseDuration(flags.for);
  if (forMs === null || forMs < 1_000) return refuse(`--for: expected a duration such as 1h, got "${flags.for}"`);
  let key: string;
  try {
    // As `${file:...}` reads it.
    key = readFileSync(flags.keyFile, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    return refuse(`--key-file: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}: ${flags.keyFile}`);
  }
  if (key.length < LEAST_KEY) return refuse(`--key-file: expected a key of at least ${LEAST_KEY} characters`);
  const expiresAtS = Math.floor((clock.wallMs() + forMs) / 1000);
  const text = writeOverride({ of, upstream, subset: subset ?? null, expiresAtS }, key);
  out.write(`${flags.header}: ${text}\n`);
  return 0;
}
