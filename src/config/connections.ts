import type { ConnectionOptions } from '../net/connection-options.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];

/** From the words of the file, and back. */
export function buildConnections({ connections }: Pick<WrittenUpstream, 'connections'>): ConnectionOptions {
  const { warm, maxIdle, maxRequests, maxAge, drainTimeout } = connections;
  return { warm, maxIdle, maxRequests, maxAgeMs: maxAge, drainTimeoutMs: drainTimeout };
}

export function encodeConnections({ maxAgeMs, drainTimeoutMs, ...counts }: ConnectionOptions): object {
  return { ...counts, maxAge: formatDuration(maxAgeMs), drainTimeout: formatDuration(drainTimeoutMs) };
}

/** Connections ahead of requests wait for them, in a version of HTTP that has to be known. */
export function connectionRules(path: Path, { connections, protocol }: WrittenUpstream): Contradiction[] {
  const { warm, maxIdle } = connections;
  const own = [...path, 'connections'];
  const findings: Contradiction[] = [];
  if (warm > maxIdle) {
    const expected = `at most maxIdle, which is ${maxIdle}`;
    findings.push(contradiction([...own, 'warm'], String(warm), expected, null, [[...own, 'maxIdle']]));
  }
  if (warm > 0 && (protocol === 'tcp' || protocol === 'auto')) {
    const expected = 'protocol http, http2 or grpc beside it, or no warm';
    findings.push(
      contradiction([...own, 'warm'], `warm with protocol ${protocol}`, expected, null, [[...path, 'protocol']], 'key'),
    );
  }
  return findings;
}
