import { expect, it } from 'vitest';
import type { PlanObserver, ProxyObserver } from '../../src/proxy/observer.ts';
import { FanOut } from '../../src/telemetry/fan-out.ts';
import { attemptRecord, exchangeRecord, ORDERS, tunnelRecord } from './records.ts';

function recorder(name: string, seen: string[], throws = false): ProxyObserver {
  const note =
    (event: string) =>
    (...about: readonly unknown[]): void => {
      seen.push([name, event, ...about.filter((value) => typeof value !== 'object')].join(' '));
      if (throws) throw new Error(`${name} ${event}`);
    };
  const plan: PlanObserver = {
    onExchangeOpen: note('exchange open'),
    onExchangeClose: note('exchange close'),
    onTunnelOpen: note('tunnel open'),
    onTunnelClose: note('tunnel close'),
    onRetry: note('retry'),
    onRetryRefused: note('retry refused'),
    onKeyMissing: note('key missing'),
  };
  return {
    follow: ({ upstream }) => {
      seen.push(`${name} follow ${upstream}`);
      return plan;
    },
    onReject: note('reject'),
    onConnection: note('connection'),
    onDetected: note('detected'),
    onBug: note('bug'),
  };
}

it('tells every observer everything in order, also when one throws each time', () => {
  const seen: string[] = [];
  const thrown: string[] = [];
  const fanOut = new FanOut([recorder('a', seen, true), recorder('b', seen)], (error) =>
    thrown.push((error as Error).message),
  );
  const plan = fanOut.follow(ORDERS);
  plan.onExchangeOpen(1);
  plan.onExchangeClose(exchangeRecord());
  plan.onTunnelOpen(2);
  plan.onTunnelClose(tunnelRecord());
  plan.onRetry(attemptRecord());
  plan.onRetryRefused('body');
  plan.onKeyMissing();
  fanOut.onReject('orders', 'no_route');
  fanOut.onConnection('orders', -1);
  fanOut.onDetected('orders', 'tls');
  fanOut.onBug(new Error('x'));

  const events = [
    'exchange open 1',
    'exchange close',
    'tunnel open 2',
    'tunnel close',
    'retry',
    'retry refused body',
    'key missing',
    'reject orders no_route',
    'connection orders -1',
    'detected orders tls',
    'bug',
  ];
  expect(seen).toEqual(['follow orders', ...events].flatMap((event) => [`a ${event}`, `b ${event}`]));
  expect(thrown).toHaveLength(events.length);
});
