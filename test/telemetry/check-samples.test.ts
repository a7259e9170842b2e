import { expect, it } from 'vitest';
import { checkSamples } from '../../src/telemetry/check-samples.ts';
import { checkedCluster, checkOptions } from '../support/checked-endpoints.ts';

it('tells what checks found, and of whom nothing is known nothing', () => {
  const scene = checkedCluster(checkOptions(), { room: 2 });
  scene.know('abcd');
  scene.clock.advance(10);
  scene.at('a').last.answer(200);
  scene.at('b').last.answer(503);
  const seen = [...checkSamples(scene.cluster, scene.checks)];
  const of = (name: string): unknown[] =>
    seen.filter((one) => one.name === name).map(({ labels, value }) => [labels, value]);
  expect(of('remora_health_checks_total')).toEqual([
    [['orders', 'passed'], 1],
    [['orders', 'failed'], 1],
    [['orders', 'unreachable'], 0],
    [['orders', 'timeout'], 0],
    [['orders', 'stranger'], 0],
    [['orders', 'withdrawn'], 0],
  ]);
  expect(of('remora_health_check_state')).toEqual([
    [['orders', '10.0.0.1:80/a'], 1],
    [['orders', '10.0.0.2:80/b'], 0],
  ]);
  expect(of('remora_health_checks_waiting')).toEqual([[['orders'], 0]]);
});
