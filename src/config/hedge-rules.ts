import { isIdempotent } from '../policy/classify.ts';
import { type Contradiction, contradiction } from './contradiction.ts';
import type { Path } from './paths.ts';
import type { Written } from './schema.ts';
import { formatDuration } from './units.ts';

/** Hedging of what nobody may repeat, or where no second attempt is allowed. */
export function hedgeRules(path: Path, upstream: Written['upstreams'][string]): Contradiction[] {
  const { hedge, retry, protocol, timeouts } = upstream;
  if (hedge === null) return [];
  const own = [...path, 'hedge'];
  const findings = hedge.methods.flatMap((method, index) => {
    if (isIdempotent(method)) return [];
    const expected = 'a method that may be repeated: GET, HEAD, OPTIONS, PUT, DELETE';
    return [contradiction([...own, 'methods', index], `hedging of ${method}`, expected)];
  });
  if (hedge.delay !== null && hedge.percentile !== null) {
    const other = [[...own, 'delay']];
    findings.push(
      contradiction([...own, 'percentile'], 'percentile beside delay', 'one of the two', null, other, 'key'),
    );
  }
  if (retry.maxAttempts < 2) {
    const at = [...path, 'retry', 'maxAttempts'];
    const expected = 'retry.maxAttempts of at least 2, since a hedge is a second attempt';
    findings.push(contradiction(own, `hedge with maxAttempts ${retry.maxAttempts}`, expected, null, [at], 'key'));
  }
  if (protocol === 'tcp') {
    const expected = 'no hedge: what opaque connections carry cannot be sent twice';
    findings.push(contradiction(own, 'hedge for protocol tcp', expected, null, [[...path, 'protocol']], 'key'));
  }
  if (protocol === 'grpc' && !retry.grpcIdempotent) {
    const concerns = [
      [...path, 'protocol'],
      [...path, 'retry', 'grpcIdempotent'],
    ];
    const expected = 'retry.grpcIdempotent: true beside it, if calls may be made twice';
    findings.push(contradiction(own, 'hedge of gRPC calls', expected, null, concerns, 'key'));
  }
  const alone = hedge.delay ?? hedge.minDelay;
  if (timeouts.request > 0 && alone >= timeouts.request) {
    const key = hedge.delay === null ? 'minDelay' : 'delay';
    const expected = `less than timeouts.request, which is ${formatDuration(timeouts.request)}`;
    const at = [...path, 'timeouts', 'request'];
    findings.push(contradiction([...own, key], formatDuration(alone), expected, null, [at]));
  }
  return findings;
}
