import { describe, expect, it } from 'vitest';
import type { LiveEndpoint } from '../../src/cluster/live-endpoint.ts';
import { FieldList } from '../../src/http/fields.ts';
import { ExchangeScript, responseHead } from '../support/exchange-script.ts';

const METRICS = 'endpoint-load-metrics';

function make(): { readonly script: ExchangeScript; readonly endpoint: LiveEndpoint } {
  const script = new ExchangeScript({ endpoints: ['a'], retry: { statuses: [503] } });
  const { cluster } = script;
  cluster.reconfigure({ ...cluster.options, balancer: { name: 'client_side_wrr' } }, null);
  return { script, endpoint: [...cluster.endpoints][0]! };
}

describe('load reports', () => {
  it('are taken from the head of an answer and from its trailers', () => {
    const { script, endpoint } = make();
    script.open().request();
    const { handler } = script.endpoint('a').last;
    handler.onHead(responseHead(200, 'chunked', -1, { [METRICS]: 'TEXT cpu_utilization=0.5,rps_fractional=10' }));
    expect(endpoint.reported?.taken).toBe(1);
    handler.onEnd(new FieldList().add(METRICS, 'TEXT cpu_utilization=0.5,rps_fractional=20'));
    expect(endpoint.reported?.taken).toBe(2);
    script.clock.advance(1_000);
    script.open().request();
    const next = script.endpoint('a').last.handler;
    next.onHead(responseHead(200, 'none', -1, { [METRICS]: 'nonsense' }));
    next.onEnd(null);
    expect([endpoint.reported?.taken, endpoint.reported?.malformed]).toEqual([2, 1]);
    expect(script.take().at(-1)).toBe('1000 client finish true');
  });

  it('count of answers that are tried again too', () => {
    const { script, endpoint } = make();
    script.open().request();
    const { handler } = script.endpoint('a').last;
    handler.onHead(responseHead(503, 'none', -1, { [METRICS]: 'TEXT cpu_utilization=1,rps_fractional=10' }));
    expect(endpoint.reported?.taken).toBe(1);
  });

  it('are not looked at where no balancer wants them', () => {
    const script = new ExchangeScript({ endpoints: ['a'] });
    script.open().request();
    const { handler } = script.endpoint('a').last;
    handler.onHead(responseHead(200, 'none', -1, { [METRICS]: 'TEXT cpu_utilization=0.5,rps_fractional=10' }));
    handler.onEnd(null);
    expect([...script.cluster.endpoints][0]!.reported).toBeNull();
  });
});
