import { MAX_FAULT_MS } from '../policy/fault.ts';
import type { Config } from './config.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import { nearest } from './nearest.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';
import type { WrittenFault } from './sections/faults.ts';

/** What faults and fallbacks must not say of traffic that cannot have them, of one another, and of upstreams. */
export function reliefRules(config: Written): Contradiction[] {
  return [
    ...Object.entries(config.upstreams).flatMap(([name, { faults, protocol }]) =>
      protocol === 'tcp' ? opaqueFaults(faults, ['upstreams', name], ['upstreams', name, 'protocol']) : [],
    ),
    ...(config.inbound?.protocol === 'tcp'
      ? opaqueFaults(config.inbound.faults, ['inbound'], ['inbound', 'protocol'])
      : []),
    ...Object.keys(config.upstreams).flatMap((name) => fallbackRules(config, name)),
  ];
}

function opaqueFaults(faults: readonly WrittenFault[], at: Path, protocolAt: Path): Contradiction[] {
  return faults.flatMap(({ delayHeader, abort, bandwidth, match }, index) => {
    const path = [...at, 'faults', index];
    const refuse = (key: Path, what: string, expected: string): Contradiction[] => [
      contradiction([...path, ...key], `${what} for protocol tcp`, expected, null, [protocolAt]),
    ];
    if (abort !== null) return refuse(['abort'], 'abort', 'delay or reset');
    if (bandwidth !== null) return refuse(['bandwidth'], 'bandwidth', 'delay or reset');
    if (delayHeader !== null) return refuse(['delayHeader'], 'a header', 'delay');
    if (match.path !== null) return refuse(['match', 'path'], 'a path', 'callers alone');
    return Object.keys(match.headers).length > 0 ? refuse(['match', 'headers'], 'headers', 'callers alone') : [];
  });
}

function fallbackRules(config: Written, name: string): Contradiction[] {
  const { fallback, protocol } = config.upstreams[name]!;
  if (fallback === null) return [];
  const path = ['upstreams', name, 'fallback'];
  if (protocol === 'tcp') {
    const expected = 'no fallback: opaque bytes are answered by endpoints alone';
    return [contradiction(path, 'fallback for protocol tcp', expected, null, [['upstreams', name, 'protocol']], 'key')];
  }
  return [...nothingToGive(fallback, path), ...otherRules(config, name, path)];
}

type WrittenFallback = NonNullable<Written['upstreams'][string]['fallback']>;

function nothingToGive(fallback: WrittenFallback, path: Path): Contradiction[] {
  if (fallback.upstream !== null || fallback.stale !== null || fallback.static !== null) return [];
  const concerns = (['upstream', 'stale', 'static'] as const).map((key) => [...path, key]);
  return [contradiction(path, 'a fallback to nothing', 'upstream, stale or static in it', null, concerns, 'key')];
}

function otherRules(config: Written, name: string, path: Path): Contradiction[] {
  const other = config.upstreams[name]?.fallback?.upstream ?? null;
  if (other === null) return [];
  const at = [...path, 'upstream'];
  if (!Object.hasOwn(config.upstreams, other)) {
    const meant = nearest(other, Object.keys(config.upstreams));
    const hint = meant === null ? null : `did you mean ${meant}?`;
    return [
      contradiction(at, `upstream ${other}, which is not declared`, 'the name of another upstream', hint, [
        ['upstreams'],
      ]),
    ];
  }
  if (config.upstreams[other]!.protocol === 'tcp') {
    const concerns = [['upstreams', other, 'protocol']];
    return [contradiction(at, `upstream ${other} of protocol tcp`, 'an upstream that speaks HTTP', null, concerns)];
  }
  return circle(config, name, at);
}

/**
 * Each request moves at most once, so that a circle would do no harm; but it says that each stands in for the other.
 */
function circle(config: Written, name: string, at: Path): Contradiction[] {
  const way = [name];
  let next = config.upstreams[name]?.fallback?.upstream ?? null;
  while (next !== null && !way.includes(next)) {
    way.push(next);
    next = config.upstreams[next]?.fallback?.upstream ?? null;
  }
  if (next !== name) return [];
  const concerns = way.slice(1).map((other) => ['upstreams', other, 'fallback', 'upstream']);
  const found = way.length === 1 ? 'the upstream itself' : `a circle: ${[...way, name].join(' to ')}`;
  return [contradiction(at, found, 'an upstream that does not fall back to this one', null, concerns)];
}

/** Ends too far ahead, at this time. Apart from the rules, since what was right yesterday is not wrong today. */
export function endsTooFar(config: Written, wallMs: number): Contradiction[] {
  return faultLists(config).flatMap(([at, faults]) =>
    faults.flatMap(({ until }, index) =>
      Date.parse(until) - wallMs <= MAX_FAULT_MS
        ? []
        : [contradiction([...at, index, 'until'], until, 'an instant at most 24h from now')],
    ),
  );
}

function faultLists({ upstreams, inbound }: Written): readonly (readonly [Path, readonly WrittenFault[]])[] {
  const ofUpstreams = Object.entries(upstreams).map(
    ([name, { faults }]) => [['upstreams', name, 'faults'], faults] as const,
  );
  return inbound === null ? ofUpstreams : [...ofUpstreams, [['inbound', 'faults'], inbound.faults]];
}

/** Faults that are over do nothing, which whoever wrote them may not have meant. */
export function pastFaults({ upstreams, inbound }: Config, wallMs: number): string[] {
  const lists = [
    ...[...upstreams.values()].map(({ name, faults }) => [`upstreams.${name}`, faults] as const),
    ...(inbound === null ? [] : [['inbound', inbound.faults] as const]),
  ];
  return lists.flatMap(([path, faults]) =>
    faults.flatMap(({ untilMs }, index) =>
      untilMs > wallMs
        ? []
        : [`${path}.faults[${index}] ended at ${new Date(untilMs).toISOString()} and does nothing; take it out`],
    ),
  );
}
