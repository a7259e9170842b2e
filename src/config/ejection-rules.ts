import { type Contradiction, contradiction } from './contradiction.ts';
import { lesser } from './ejection.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** The longer rows are made of failures that are in the shorter ones' too. */
const ROWS = ['consecutive5xx', 'consecutiveGateway', 'consecutiveLocal'] as const;

/** What could never come to anything: who writes it down does not mean it so. */
export function ejectionRules(path: Path, upstream: WrittenUpstream): Contradiction[] {
  const own = [...path, 'ejection'];
  return [...timeRules(own, upstream), ...breakerRules(path, upstream), ...rowRules(own, upstream)];
}

function timeRules(own: Path, { ejection: { base, max } }: WrittenUpstream): Contradiction[] {
  if (base <= max) return [];
  const expected = `at most max, which is ${formatDuration(max)}`;
  return [contradiction([...own, 'base'], formatDuration(base), expected, null, [[...own, 'max']])];
}

/** A circuit opens with the last failure of its own row, and the rows here begin anew then. */
function breakerRules(path: Path, { ejection, breaker }: WrittenUpstream): Contradiction[] {
  // Failures that are further apart than its longest cool-down make no row for the breaker.
  if (ejection.base > breaker.maxCoolDown) return [];
  const most = breaker.consecutiveFailures;
  return ROWS.filter((key) => isOn(ejection, key) && ejection[key].count >= most).map((key) =>
    contradiction(
      [...path, 'ejection', key, 'count'],
      String(ejection[key].count),
      `less than breaker.consecutiveFailures, which is ${most}`,
      'the circuit opens first, and the row begins anew',
      [
        [...path, 'breaker', 'consecutiveFailures'],
        [...path, 'ejection', key, 'mode'],
      ],
    ),
  );
}

/** Whatever counts for a later one of the rows counts for those before it, which act first. */
function rowRules(own: Path, { ejection }: WrittenUpstream): Contradiction[] {
  return ROWS.flatMap((key, i) => {
    const first = ROWS.slice(0, i).find(
      (wider) => acts(ejection, wider) && ejection[wider].count <= ejection[key].count,
    );
    if (first === undefined || !isOn(ejection, key)) return [];
    const expected = `less than ${first}.count, which is ${ejection[first].count}`;
    return [
      contradiction(
        [...own, key, 'count'],
        String(ejection[key].count),
        expected,
        `${first} counts the same failures, and acts first`,
        [
          [...own, first, 'count'],
          [...own, key, 'mode'],
        ],
      ),
    ];
  });
}

type Row = (typeof ROWS)[number];

function isOn(ejection: WrittenUpstream['ejection'], key: Row): boolean {
  return lesser(ejection.mode, ejection[key].mode) !== 'off';
}

function acts(ejection: WrittenUpstream['ejection'], key: Row): boolean {
  return lesser(ejection.mode, ejection[key].mode) === 'enforce';
}
