import type { OverloadOptions } from '../policy/overload-guard.ts';
import type { ThrottleOptions } from '../policy/throttle.ts';
import { DEFAULT_MAX_KEYS, type LimitKey, type RateLimitOptions } from '../route/doors/options.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];
export type WrittenLimit = WrittenUpstream['rateLimits'][number];

/** Doors from the words of the file to those of the program, and back. */
export function buildRateLimits(limits: readonly WrittenLimit[]): readonly RateLimitOptions[] {
  return limits.map(({ window, burst, by, maxKeys, ...rest }) => ({
    ...rest,
    windowMs: window,
    burst: burst ?? rest.requests,
    by: by === null ? null : keyOf(by),
    maxKeys: maxKeys ?? DEFAULT_MAX_KEYS,
  }));
}

function keyOf({ header, segment }: NonNullable<WrittenLimit['by']>): LimitKey {
  // Field names know no case; the program compares them in lower case.
  if (header !== null) return { kind: 'header', name: header.toLowerCase() };
  return segment === null ? { kind: 'caller' } : { kind: 'segment', number: segment };
}

function encodeKey(key: LimitKey): object {
  if (key.kind === 'header') return { header: key.name };
  return key.kind === 'segment' ? { segment: key.number } : { caller: true };
}

export function buildThrottle({ window, ...rest }: WrittenUpstream['throttle']): ThrottleOptions {
  return { ...rest, windowMs: window };
}

export function encodeRateLimits(limits: readonly RateLimitOptions[]): unknown {
  return limits.map(({ windowMs, by, maxKeys, ...rest }) => ({
    ...rest,
    window: formatDuration(windowMs),
    by: by === null ? null : encodeKey(by),
    maxKeys: by === null ? null : maxKeys,
  }));
}

export function encodeThrottle({ windowMs, ...rest }: ThrottleOptions): unknown {
  return { ...rest, window: formatDuration(windowMs) };
}

export function encodeOverload({ loop, heap, sockets }: OverloadOptions): unknown {
  const { mode, start, full } = loop;
  return { loop: { mode, start: formatDuration(start), full: formatDuration(full) }, heap, sockets };
}
