import { describe, expect, it } from 'vitest';
import { isServed, registrationOptions } from '../../src/agent/registration.ts';
import { agentConfig } from '../support/agent-parts.ts';
import { FakeSockets } from '../support/fake-transport.ts';
import { ManualClock } from '../support/manual-clock.ts';

function ask(address: string, port = 15006) {
  const clock = new ManualClock();
  const sockets = new FakeSockets();
  const application = { address: '127.0.0.1', port: 8080 };
  const answer = isServed({ address, port, isForsaken: false }, application, sockets, clock);
  return { clock, sockets, answer };
}

describe('what Consul is told', () => {
  const service = agentConfig([]).service;
  const told = (more: object) => registrationOptions({ ...service, register: { ttlMs: 1 }, ...more }, null);

  it('has the zone among the meta, where the file says one', () => {
    expect(told({ meta: { a: 'b' } })!.meta).toEqual({ a: 'b' });
    expect(told({ meta: { a: 'b' }, zone: 'eu-1' })!.meta).toEqual({ zone: 'eu-1', a: 'b' });
  });

  it('is nothing where somebody else registers the service', () => {
    expect(registrationOptions(service, null)).toBe(null);
  });
});

describe('a registration with our id', () => {
  it('is served when somebody accepts there', async () => {
    const { sockets, answer, clock } = ask('10.0.0.1');
    sockets.last.connect();
    expect(await answer).toBe(true);
    expect(sockets.last.destroyed).toBe('fin');
    expect(clock.armed).toBe(0);
  });

  it('is not when nobody does', async () => {
    const { sockets, answer, clock } = ask('10.0.0.1');
    sockets.last.close('connect_refused');
    expect(await answer).toBe(false);
    expect(clock.armed).toBe(0);
  });

  it('is not when there is no answer within a second', async () => {
    const { sockets, answer, clock } = ask('10.0.0.1');
    clock.advance(1_000);
    expect(await answer).toBe(false);
    expect(sockets.last.destroyed).toBe('reset');
  });

  it("is looked for on this machine when it has the agent's address", async () => {
    const { sockets, answer } = ask('');
    sockets.last.connect();
    expect(await answer).toBe(true);
    expect(sockets.targets).toEqual(['127.0.0.1:15006']);
  });

  it('is no rival when it is our own application', async () => {
    const { sockets, answer } = ask('127.0.0.1', 8080);
    expect(await answer).toBe(false);
    expect(sockets.dialed).toHaveLength(0);
  });

  it('is taken for served when it is a name', async () => {
    const { sockets, answer } = ask('app.internal');
    expect(await answer).toBe(true);
    expect(sockets.dialed).toHaveLength(0);
  });
});
