import { GRPC_STATUS_NAMES, GRPC_STATUSES } from '../http/grpc-status.ts';
import type { FallbackOptions } from '../policy/fallback.ts';
import { type FaultEffect, type FaultOptions, WHOLE_SHARE } from '../policy/fault.ts';
import type { WrittenFallback } from './sections/fallback.ts';
import type { WrittenFault } from './sections/faults.ts';
import { formatDuration, formatSize } from './units.ts';

/** Faults and fallbacks from the words of the file to those of the program, and back. */
export function buildFaults(faults: readonly WrittenFault[]): readonly FaultOptions[] {
  return faults.map((fault) => ({
    effect: effectOf(fault),
    share: Math.round((fault.percent * WHOLE_SHARE) / 100),
    match: {
      path: fault.match.path,
      headers: Object.entries(fault.match.headers).map(([name, value]) => ({
        name: name.toLowerCase(),
        value: value === ANY ? null : value,
      })),
      callers: fault.match.callers,
    },
    maxActive: fault.maxActive,
    untilMs: Date.parse(fault.until),
  }));
}

/** As the value of a field: any. */
const ANY = '*';

/** The schema has seen to it that there is one effect in each. */
function effectOf({ delay, delayHeader, maxDelay, abort, bandwidth }: WrittenFault): FaultEffect {
  if (delay !== null) return { kind: 'delay', delayMs: delay, header: null };
  if (delayHeader !== null) return { kind: 'delay', delayMs: maxDelay, header: delayHeader.toLowerCase() };
  if (abort !== null) return { kind: 'abort', status: abort.status, grpcStatus: GRPC_STATUSES[abort.grpcStatus] };
  if (bandwidth !== null) return { kind: 'bandwidth', bytesPerSecond: bandwidth };
  return { kind: 'reset' };
}

export function encodeFaults(faults: readonly FaultOptions[]): unknown {
  return faults.map(({ effect, share, match, maxActive, untilMs }) => ({
    ...encodeEffect(effect),
    percent: (share * 100) / WHOLE_SHARE,
    match: {
      path: match.path,
      headers: Object.fromEntries(match.headers.map(({ name, value }) => [name, value ?? ANY])),
      callers: match.callers,
    },
    maxActive,
    until: new Date(untilMs).toISOString(),
  }));
}

function encodeEffect(effect: FaultEffect): object {
  switch (effect.kind) {
    case 'delay': {
      const ms = formatDuration(effect.delayMs);
      return effect.header === null ? { delay: ms } : { delayHeader: effect.header, maxDelay: ms };
    }
    case 'abort':
      return { abort: { status: effect.status, grpcStatus: GRPC_STATUS_NAMES[effect.grpcStatus] } };
    case 'bandwidth':
      return { bandwidth: formatSize(effect.bytesPerSecond) };
    case 'reset':
      return { reset: true };
  }
}

export function buildFallback(written: WrittenFallback | null): FallbackOptions | null {
  if (written === null) return null;
  const { codes, statuses, upstream, stale, static: answer } = written;
  return {
    codes,
    statuses,
    upstream,
    stale:
      stale === null
        ? null
        : {
            maxAgeMs: stale.maxAge,
            maxEntries: stale.maxEntries,
            maxBytes: stale.maxBytes,
            maxBodyBytes: stale.maxBody,
            credentials: stale.credentials,
          },
    answer:
      answer === null
        ? null
        : {
            status: answer.status,
            contentType: answer.contentType,
            fields: Object.fromEntries(
              Object.entries(answer.fields).map(([name, value]) => [name.toLowerCase(), value]),
            ),
            body: answer.body,
            grpcStatus: answer.grpcStatus === null ? -1 : GRPC_STATUSES[answer.grpcStatus],
            anyMethod: answer.anyMethod,
          },
  };
}

export function encodeFallback(options: FallbackOptions | null): unknown {
  if (options === null) return null;
  const { codes, statuses, upstream, stale, answer } = options;
  return {
    codes,
    statuses,
    upstream,
    stale:
      stale === null
        ? null
        : {
            maxAge: formatDuration(stale.maxAgeMs),
            maxEntries: stale.maxEntries,
            maxBytes: formatSize(stale.maxBytes),
            maxBody: formatSize(stale.maxBodyBytes),
            credentials: stale.credentials,
          },
    static:
      answer === null
        ? null
        : {
            status: answer.status,
            contentType: answer.contentType,
            fields: answer.fields,
            body: answer.body,
            grpcStatus: answer.grpcStatus < 0 ? null : GRPC_STATUS_NAMES[answer.grpcStatus],
            anyMethod: answer.anyMethod,
          },
  };
}
