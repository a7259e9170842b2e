import { type Contradiction, contradiction } from './contradiction.ts';
import { checkTypeOf } from './health-check.ts';
import { type Path, valueAt } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];
type CheckType = ReturnType<typeof checkTypeOf>;

/** Keys that mean something to some types of checks alone. */
const TYPES_OF: Readonly<Record<string, readonly CheckType[]>> = {
  path: ['http'],
  method: ['http'],
  statuses: ['http'],
  body: ['http'],
  headers: ['http'],
  host: ['http', 'grpc'],
  identity: ['http', 'grpc'],
  send: ['tcp'],
  expect: ['tcp'],
  grpcService: ['grpc'],
};

/** What a health check must not say together, and not beside the rest of its upstream. */
export function healthCheckRules(upstreamPath: Path, upstream: WrittenUpstream, merged: unknown): Contradiction[] {
  const { healthCheck, protocol, roles } = upstream;
  if (healthCheck === null) return [];
  const path = [...upstreamPath, 'healthCheck'];
  const isWritten = (key: string): boolean => valueAt(merged, [...path, key]) !== undefined;
  const type = checkTypeOf(upstream);
  const findings: Contradiction[] = Object.entries(TYPES_OF)
    .filter(([key, types]) => isWritten(key) && !types.includes(type))
    .map(([key, types]) =>
      contradiction(
        [...path, key],
        `${key} in a check of ${type}`,
        `type: ${types.join(' or ')} beside it`,
        null,
        [
          [...path, 'type'],
          [...upstreamPath, 'protocol'],
        ],
        'key',
      ),
    );
  if (type === 'http' && healthCheck.path === null) {
    findings.push(
      contradiction(path, 'a check of http without a path', 'path beside it', null, [[...path, 'path']], 'key'),
    );
  }
  if (type === 'grpc' && (protocol === 'http' || protocol === 'tcp')) {
    const expected = 'protocol: grpc, http2 or auto, which have the HTTP/2 that it needs';
    const found = `a check of grpc for protocol ${protocol}`;
    findings.push(contradiction([...path, 'type'], found, expected, null, [[...upstreamPath, 'protocol']]));
  }
  if (healthCheck.body !== null && healthCheck.method === 'HEAD') {
    const found = 'body with method HEAD, whose answer has none';
    findings.push(contradiction([...path, 'body'], found, 'method: GET beside it', null, [[...path, 'method']], 'key'));
  }
  const { interval, noTrafficInterval } = healthCheck;
  if (isWritten('noTrafficInterval') && noTrafficInterval < interval) {
    const expected = `at least interval, which is ${formatDuration(interval)}`;
    findings.push(
      contradiction([...path, 'noTrafficInterval'], formatDuration(noTrafficInterval), expected, null, [
        [...path, 'interval'],
      ]),
    );
  }
  if (upstream.subsetSize !== null) {
    const found = 'healthCheck beside subsetSize';
    const expected = 'one of the two: checks would ask all endpoints, which a subset is there to avoid';
    findings.push(contradiction(path, found, expected, null, [[...upstreamPath, 'subsetSize']], 'key'));
  }
  if (healthCheck.keepLost > 0 && roles !== null) {
    const expected = 'no keepLost: a primary that discovery has replaced must not stay one';
    findings.push(
      contradiction([...path, 'keepLost'], 'keepLost beside roles', expected, null, [[...upstreamPath, 'roles']]),
    );
  }
  return findings;
}
