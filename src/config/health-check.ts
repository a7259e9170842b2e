import type { CheckOptions } from '../cluster/checks/options.ts';
import type { Written } from './schema.ts';
import { formatDuration, formatSize } from './units.ts';

type WrittenUpstream = Written['upstreams'][string];
type WrittenCheck = NonNullable<WrittenUpstream['healthCheck']>;

/** From the words of the file. */
export function buildHealthCheck(name: string, upstream: WrittenUpstream): CheckOptions | null {
  const { healthCheck: written } = upstream;
  if (written === null) return null;
  const service = upstream.service ?? name;
  return {
    question: questionOf(written, checkTypeOf(upstream), service),
    identity: identityOf(written, [service, ...upstream.failover.flatMap((target) => target.service ?? [])]),
    intervalMs: written.interval,
    unhealthyIntervalMs: written.unhealthyInterval,
    // What is written is in order; only a default can be below.
    noTrafficIntervalMs: Math.max(written.noTrafficInterval, written.interval),
    jitter: written.jitter,
    initialJitterMs: written.initialJitter,
    timeoutMs: written.timeout,
    healthyThreshold: written.healthyThreshold,
    unhealthyThreshold: written.unhealthyThreshold,
    newEndpoints: written.newEndpoints,
    heedsAnswers: written.heedAnswers,
    keepLostMs: written.keepLost,
  };
}

/** What is asked where it is not said: in the words of the upstream. */
export function checkTypeOf({ protocol, healthCheck }: WrittenUpstream): 'http' | 'tcp' | 'grpc' {
  return healthCheck?.type ?? (protocol === 'grpc' || protocol === 'tcp' ? protocol : 'http');
}

function questionOf(written: WrittenCheck, type: 'http' | 'tcp' | 'grpc', service: string): CheckOptions['question'] {
  const host = written.host ?? service;
  switch (type) {
    case 'tcp':
      return { kind: 'tcp', send: written.send, expect: written.expect };
    case 'grpc':
      return { kind: 'grpc', service: written.grpcService ?? '', host };
    case 'http':
      return {
        kind: 'http',
        method: written.method,
        path: written.path ?? '/',
        host,
        statuses: written.statuses.map(rangeOf),
        body: written.body === null ? null : { text: written.body.text ?? '', withinBytes: written.body.within },
        headers: Object.fromEntries(
          Object.entries(written.headers).map(([field, value]) => [field.toLowerCase(), value]),
        ),
      };
  }
}

function rangeOf(text: string): readonly [number, number] {
  const [first, last = first] = text.split('-').map(Number);
  return [first!, last!];
}

function identityOf({ identity }: WrittenCheck, own: readonly string[]): CheckOptions['identity'] {
  if (identity === null) return null;
  return { header: identity.header.toLowerCase(), services: identity.services ?? [...new Set(own)] };
}

/** Back to them. What is not of its type is left out. */
export function encodeHealthCheck(options: CheckOptions | null): unknown {
  if (options === null) return null;
  const { identity } = options;
  return {
    ...encodeQuestion(options.question),
    identity,
    interval: formatDuration(options.intervalMs),
    unhealthyInterval: formatDuration(options.unhealthyIntervalMs),
    noTrafficInterval: formatDuration(options.noTrafficIntervalMs),
    jitter: options.jitter,
    initialJitter: formatDuration(options.initialJitterMs),
    timeout: formatDuration(options.timeoutMs),
    healthyThreshold: options.healthyThreshold,
    unhealthyThreshold: options.unhealthyThreshold,
    newEndpoints: options.newEndpoints,
    heedAnswers: options.heedsAnswers,
    keepLost: formatDuration(options.keepLostMs),
  };
}

function encodeQuestion(question: CheckOptions['question']): object {
  switch (question.kind) {
    case 'tcp':
      return { type: 'tcp', send: question.send, expect: question.expect };
    case 'grpc':
      return { type: 'grpc', grpcService: question.service === '' ? null : question.service, host: question.host };
    case 'http': {
      const { method, path, host, statuses, body, headers } = question;
      return {
        type: 'http',
        method,
        path,
        host,
        statuses: statuses.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)),
        body: body === null ? null : { text: body.text, within: formatSize(body.withinBytes) },
        headers,
      };
    }
  }
}
