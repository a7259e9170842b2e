import type { Expectation } from '../../config/policy-tests/schema.ts';
import { formatDuration } from '../../config/units.ts';
import type { Fields } from '../../http/fields.ts';
import type { TimeoutOptions } from '../../policy/options.ts';
import type { Decision } from './rehearsal.ts';

/** One thing that is not as it was expected, in words. */
export interface Difference {
  /** `sent.headers.x-a`. */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** All that a decision has otherwise. What is not expected may be anything. */
export function differences(expected: Expectation, found: Decision): readonly Difference[] {
  const list: Difference[] = [];
  const compare = (what: string, wanted: string | undefined, is: string): void => {
    if (wanted !== undefined && wanted !== is) list.push({ what, expected: wanted, found: is });
  };
  const { sent, timeouts, headers = {} } = expected;
  for (const key of ['route', 'upstream', 'subset', 'shard', 'maxAttempts', 'refusal'] as const) {
    compare(key, shown(expected[key]), shown(found[key])!);
  }
  compare(
    'status',
    shown(expected.status),
    found.status === 0 ? 'none: it waits, and nobody comes' : `${found.status}`,
  );
  compare('location', shown(expected.location), shown(found.fields.get('location'))!);
  compare('endpoints', listed(expected.endpoints?.toSorted()), listed(found.endpoints)!);
  compare('attempts', listed(expected.attempts), listed(found.attempts)!);
  for (const [name, ms] of Object.entries(timeouts ?? {})) {
    const is = found.timeouts === null ? null : found.timeouts[`${name}Ms` as keyof TimeoutOptions];
    compare(`timeouts.${name}`, spoken(ms), is === null ? 'none' : spoken(is)!);
  }
  for (const [name, value] of Object.entries(headers)) compareField('headers', name, value, found.fields);
  if (sent !== undefined) compareSent(sent);
  return list;

  function compareField(where: string, name: string, wanted: string | null, fields: Fields): void {
    compare(`${where}.${name}`, shown(wanted), shown(fields.get(name.toLowerCase()))!);
  }

  function compareSent({ host, path, headers: fields = {} }: NonNullable<Expectation['sent']>): void {
    const is = found.sent;
    if (is === null) return compare('sent', 'a request', 'nothing: no endpoint is asked');
    compare('sent.host', shown(host), shown(is.host)!);
    compare('sent.path', shown(path), shown(is.path)!);
    for (const [name, value] of Object.entries(fields)) compareField('sent.headers', name, value, is.fields);
  }
}

/** Undefined: nothing is expected. */
function shown(value: string | number | null | undefined): string | undefined {
  if (value === undefined) return undefined;
  return value === null ? 'none' : typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function listed(ids: readonly string[] | undefined): string | undefined {
  if (ids === undefined) return undefined;
  return ids.length === 0 ? 'nobody' : ids.join(', ');
}

/** What is switched off is without end. */
function spoken(ms: number | undefined): string | undefined {
  if (ms === undefined) return undefined;
  return ms === 0 || ms === Number.POSITIVE_INFINITY ? 'off' : formatDuration(ms);
}
