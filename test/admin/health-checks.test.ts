import { expect, it } from 'vitest';
import { startAdmin } from '../../src/admin/admin.ts';
import type { CheckView } from '../../src/admin/agent-view.ts';
import { hostPort } from '../../src/admin/bound-address.ts';
import { askSidecar } from '../../src/admin/client.ts';
import { clustersText } from '../../src/admin/report.ts';
import { SystemClock } from '../../src/base/clock-system.ts';
import { endpoint, FakeAgentView } from './fake-agent-view.ts';

const CHECKS: readonly CheckView[] = [
  { state: 'up', last: 'passed', ageMs: 0 },
  { state: 'up', last: 'answered 500', ageMs: 1_500 },
  { state: 'down', last: 'is payments', ageMs: 65_000 },
  { state: 'unknown', last: null, ageMs: null },
];

it('shows what health checks say of endpoints, over gRPC too', async () => {
  const view = new FakeAgentView();
  const endpoints = CHECKS.map((check, i) => endpoint({ id: `e${i}`, check }));
  view.clusterViews = [{ ...view.clusterViews[0]!, endpoints }];
  const config = { address: '127.0.0.1', port: 0, grpcPort: 0, tokenFile: null };
  const admin = await startAdmin(view, config, new SystemClock(), () => undefined);
  try {
    const { clusters } = await askSidecar(hostPort(admin.grpc!), new SystemClock(), 5_000);
    expect(clusters[0]!.endpoints).toEqual(endpoints);
    const lines = clustersText(clusters).split('\n');
    const words = lines.filter((line) => /^ {2}e\d/.test(line)).map((line) => line.split(/ {2,}/)[2]);
    expect(words).toEqual([
      'passing, check passed',
      'passing, checked up: answered 500 1.5s ago',
      'passing, checked down: is payments 1m 5s ago',
      'passing, not checked yet',
    ]);
  } finally {
    await admin.close();
  }
});
