import { RESOURCES } from '../policy/overload-guard.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { WrittenLimit } from './doors.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type Protocol = Written['upstreams'][string]['protocol'];

/** Rate limits that cannot be told apart, or that nothing can ever meet. */
export function rateLimitRules(
  owner: Path,
  { protocol, rateLimits }: { readonly protocol: Protocol; readonly rateLimits: readonly WrittenLimit[] },
): Contradiction[] {
  const protocolAt = [...owner, 'protocol'];
  return rateLimits.flatMap((limit, i) => {
    const at = [...owner, 'rateLimits', i];
    return [
      ...repeatedName(rateLimits, limit, i, owner),
      ...(limit.by === null ? keysWithoutKey(limit, at) : []),
      ...strangersOf(protocol, limit, at, protocolAt),
    ];
  });
}

function repeatedName(
  limits: readonly WrittenLimit[],
  { name }: WrittenLimit,
  i: number,
  owner: Path,
): Contradiction[] {
  const first = limits.findIndex((other) => other.name === name);
  if (first === i) return [];
  const path = [...owner, 'rateLimits'];
  return [
    contradiction([...path, i, 'name'], `a second ${name}`, 'a name of its own', null, [[...path, first, 'name']]),
  ];
}

function keysWithoutKey({ maxKeys }: WrittenLimit, at: Path): Contradiction[] {
  if (maxKeys === null) return [];
  return [contradiction([...at, 'maxKeys'], 'maxKeys without by', 'by beside it', null, [[...at, 'by']], 'key')];
}

/** Opaque connections have no requests, and every call of gRPC is a POST. */
function strangersOf(
  protocol: Protocol,
  { by, path, methods, tells }: WrittenLimit,
  at: Path,
  protocolAt: Path,
): Contradiction[] {
  const refuse = (key: string, found: string, expected: string): Contradiction =>
    contradiction([...at, key], `${found} for protocol ${protocol}`, expected, null, [protocolAt]);
  if (protocol === 'grpc' && methods !== null && !methods.includes('POST')) {
    return [refuse('methods', methods.join(', '), 'no methods: every call is a POST')];
  }
  if (protocol !== 'tcp') return [];
  return [
    ...(by === null || by.caller !== null ? [] : [refuse('by', 'a key in requests', '{ caller: true }')]),
    ...(path === null ? [] : [refuse('path', 'a path', 'no path: opaque bytes have none')]),
    ...(methods === null ? [] : [refuse('methods', 'methods', 'no methods: opaque bytes have none')]),
    ...(tells === 'limited' ? [] : [refuse('tells', 'all', 'limited: opaque bytes have no answers')]),
  ];
}

/** Pressure grows from its start to its full: the one is below the other. */
export function overloadRules({ overload }: Written): Contradiction[] {
  return RESOURCES.flatMap((resource) => {
    const { start, full } = overload[resource];
    if (start < full) return [];
    const shown = resource === 'loop' ? formatDuration : String;
    const path = ['overload', resource];
    return [
      contradiction([...path, 'start'], shown(start), `less than full, which is ${shown(full)}`, null, [
        [...path, 'full'],
      ]),
    ];
  });
}
