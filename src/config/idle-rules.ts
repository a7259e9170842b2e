import { DEFAULT_STALE } from '../policy/fallback.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';
import { DEFAULT_MAX_DELAY } from './sections/faults.ts';
import { formatDuration, formatSize, parseDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** What is written for something that can never happen, because of what is written elsewhere. */
export function idleRules(path: Path, upstream: WrittenUpstream): Contradiction[] {
  return [
    ...lateHedge(path, upstream),
    ...warmBeyondLimit(path, upstream),
    ...fallbackOfNothing([...path, 'fallback'], upstream),
    ...idleFaults(path, upstream),
  ];
}

/** A hedge runs beside an attempt that is still there, and costs the budget of retries. */
function lateHedge(path: Path, { hedge, timeouts, retry: { budget } }: WrittenUpstream): Contradiction[] {
  if (hedge === null) return [];
  const own = [...path, 'hedge'];
  const found: Contradiction[] = [];
  if (hedge.delay !== null && timeouts.attempt > 0 && hedge.delay >= timeouts.attempt) {
    const expected = `less than timeouts.attempt, which is ${formatDuration(timeouts.attempt)}`;
    const concerns = [[...path, 'timeouts', 'attempt']];
    found.push(contradiction([...own, 'delay'], formatDuration(hedge.delay), expected, null, concerns));
  }
  if (budget.ratio === 0 && budget.minPerSecond === 0) {
    const expected = 'a retry.budget above 0, since each hedge costs it one';
    const concerns = (['ratio', 'minPerSecond'] as const).map((key) => [...path, 'retry', 'budget', key]);
    found.push(contradiction(own, 'hedge without a budget', expected, null, concerns, 'key'));
  }
  return found;
}

/** They are of each endpoint, and the limit is of all together. */
function warmBeyondLimit(path: Path, { connections, limits, protocol }: WrittenUpstream): Contradiction[] {
  const { warm } = connections;
  const most = limits.maxConnections;
  if (most === null || warm <= most || protocol === 'tcp' || protocol === 'auto') return [];
  const expected = `at most limits.maxConnections, which is ${most}`;
  const concerns = [[...path, 'limits', 'maxConnections']];
  return [contradiction([...path, 'connections', 'warm'], String(warm), expected, null, concerns)];
}

const WITHOUT_BODY: readonly number[] = [204, 205, 304];

function fallbackOfNothing(own: Path, { fallback }: WrittenUpstream): Contradiction[] {
  if (fallback === null) return [];
  const { codes, statuses, stale, static: answer } = fallback;
  const found: Contradiction[] = [];
  if (codes.length === 0 && statuses.length === 0) {
    const concerns = [[...own, 'statuses']];
    found.push(contradiction([...own, 'codes'], 'a fallback for nothing', 'a code or a status', null, concerns));
  }
  if (stale !== null && stale.maxBody > stale.maxBytes && stale.maxBody !== DEFAULT_STALE.maxBodyBytes) {
    const at = [...own, 'stale'];
    const expected = `at most maxBytes, which is ${formatSize(stale.maxBytes)}`;
    found.push(contradiction([...at, 'maxBody'], formatSize(stale.maxBody), expected, null, [[...at, 'maxBytes']]));
  }
  if (answer !== null && answer.body !== '' && WITHOUT_BODY.includes(answer.status)) {
    const at = [...own, 'static'];
    const found204 = `a body with status ${answer.status}, whose answers have none`;
    found.push(
      contradiction([...at, 'body'], found204, 'another status, or no body', null, [[...at, 'status']], 'key'),
    );
  }
  return found;
}

/** The bound of what a header asks for, where no header is asked. */
export function idleFaults(path: Path, { faults }: Pick<WrittenUpstream, 'faults'>): Contradiction[] {
  return faults.flatMap(({ maxDelay, delayHeader, delay }, index) => {
    if (delayHeader !== null || maxDelay === parseDuration(DEFAULT_MAX_DELAY)) return [];
    const at = [...path, 'faults', index];
    const concerns = delay === null ? [] : [[...at, 'delay']];
    return [
      contradiction(
        [...at, 'maxDelay'],
        'maxDelay without delayHeader',
        'delayHeader beside it',
        null,
        concerns,
        'key',
      ),
    ];
  });
}
