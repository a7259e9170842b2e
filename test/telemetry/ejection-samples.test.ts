import { expect, it } from 'vitest';
import { ejectionSamples } from '../../src/telemetry/ejection-samples.ts';
import { spec } from '../support/fake-endpoint.ts';
import { JUDGED, judgedCluster } from '../support/judged-cluster.ts';

const said = (judged: ReturnType<typeof judgedCluster>): string[] =>
  [...ejectionSamples(judged.cluster)].map(({ name, labels, value }) => `${name} ${labels.join(' ')} ${value}`);

it('tells how many are out, and what was found by whom', () => {
  const judged = judgedCluster({
    consecutive5xx: { mode: 'enforce', count: 3 },
    consecutiveGateway: { mode: 'observe', count: 2 },
  });
  judged.apply(spec('a'), spec('b'), spec('c'));
  expect(said(judged)).toEqual(['remora_ejected_endpoints orders 0']);
  for (const name of 'ab') judged.attempts(name, 3, 503);
  expect(said(judged)).toEqual([
    'remora_ejected_endpoints orders 1',
    'remora_ejections_total orders consecutive_5xx enforce 1',
    'remora_ejections_total orders consecutive_5xx capped 1',
    'remora_ejections_total orders consecutive_gateway observe 2',
  ]);
});

it('keeps what was counted when nobody is judged any more', () => {
  const judged = judgedCluster({ consecutive5xx: { mode: 'enforce', count: 3 } });
  judged.apply(spec('a'), spec('b'));
  judged.attempts('a', 3, 503);
  judged.reconfigure(null);
  expect(said(judged)).toEqual(['remora_ejections_total orders consecutive_5xx enforce 1']);
  judged.reconfigure(JUDGED);
  expect(said(judged)).toContain('remora_ejected_endpoints orders 0');
});
