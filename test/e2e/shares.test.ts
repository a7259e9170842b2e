import { Agent } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { sendOne } from './load.ts';
import { Scene } from './scene.ts';

let scene: Scene;

afterEach(() => scene.close());

/** How many of so many requests each origin answered, in the order of their names. */
async function sharesOf(requests: number): Promise<number[]> {
  const counts = new Map(scene.origins.map(({ name }) => [name, 0]));
  const agent = new Agent({ keepAlive: true });
  for (let i = 0; i < requests; i++) {
    const { origin } = await sendOne(scene.port, `r${i}`, 'GET', {}, agent);
    counts.set(origin, counts.get(origin)! + 1);
  }
  agent.destroy();
  return [...counts.values()];
}

/** Answers with a report of as many requests for one unit of load. */
function reports(name: string, weight: number): string {
  const report = `TEXT application_utilization=0.5,rps_fractional=${weight / 2}`;
  const head = `HTTP/1.1 200 OK~x-origin: ${name}~endpoint-load-metrics: ${report}~content-length: 0~~`;
  return `raw=${encodeURIComponent(head)}`;
}

it('gives shares by the load that endpoints report, and the mean to one that is silent', async () => {
  const reportedWeights = { blackout: 0, update: '100ms' };
  scene = await Scene.start(['a', 'b', 'c'], { orders: { balance: 'client_side_wrr', reportedWeights } });
  expect(await sharesOf(30)).toEqual([10, 10, 10]);
  await scene.origins[0]!.mode(reports('a', 600));
  await scene.origins[1]!.mode(reports('b', 200));
  await eventually(async () => {
    const shares = await sharesOf(60);
    [30, 10, 20].forEach((share, i) => expect(Math.abs(shares[i]! - share)).toBeLessThanOrEqual(2));
  });
  const counted = (fate: string) => scene.sidecar.metric('remora_load_reports_total', { fate });
  expect(await counted('taken')).toBeGreaterThan(20);
  expect([await counted('malformed'), await counted('unusable')]).toEqual([0, 0]);
  await scene.origins[2]!.mode('raw=HTTP/1.1 200 OK~x-origin: c~endpoint-load-metrics: much~content-length: 0~~');
  await sharesOf(10);
  expect(await counted('malformed')).toBeGreaterThan(0);
});

it('uses as many endpoints as a subset has', async () => {
  scene = await Scene.start(['a', 'b', 'c'], { orders: { balance: 'random', subsetSize: 1 } });
  expect((await sharesOf(30)).sort((a, b) => b - a)).toEqual([30, 0, 0]);
  expect((await scene.sidecar.metric('remora_endpoints', { health: 'passing' })) >= 3).toBe(true);
});
