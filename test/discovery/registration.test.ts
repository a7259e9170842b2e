import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { Registration } from '../../src/discovery/registration.ts';
import { FakeConsulApi } from '../support/fake-consul-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

const SERVICE = { id: 'web-1', name: 'web', address: '127.0.0.1', port: 80, tags: [], meta: {}, ttlMs: 15_000 };

async function registered() {
  const clock = new ManualClock();
  const api = new FakeConsulApi();
  const state = { isReady: true, isServed: true };
  const surroundings = { isReady: () => state.isReady, isServed: async () => state.isServed };
  const events: string[] = [];
  const log = {
    info: (event: string) => void events.push(event),
    warn: (event: string) => void events.push(event),
    error: (event: string) => void events.push(`${event}!`),
  };
  const registration = new Registration(api, SERVICE, surroundings, clock, new SeededRandom(2), log);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(Math.min(50, left));
      await settled();
    }
  };
  /** What was written since the last time. */
  const written = (): string[] => api.log.splice(0);
  return { clock, api, state, registration, pass, written, events };
}

describe('Registration', () => {
  it('registers, then beats three times per TTL', async () => {
    const { registration, pass, written } = await registered();
    expect(registration.problem).toBe('not registered yet');
    registration.start();
    await pass(100);
    expect(written()).toEqual(['register web-1 passing', 'passing web-1-ttl']);
    expect(registration.problem).toBe(null);
    await pass(15_000);
    expect(written()).toEqual(['passing web-1-ttl', 'passing web-1-ttl', 'passing web-1-ttl']);
  });

  it('says at once when readiness changes', async () => {
    const { state, registration, pass, written } = await registered();
    state.isReady = false;
    registration.start();
    await pass(100);
    expect(written()).toEqual(['register web-1 critical', 'critical web-1-ttl']);
    state.isReady = true;
    await pass(500);
    expect(written()).toEqual(['passing web-1-ttl']);
  });

  it('does not take its own end for a problem when it comes in the middle of a call', async () => {
    const { api, registration, pass, written } = await registered();
    registration.start();
    await pass(100);
    written();
    api.hangs = true;
    await pass(5_100);
    expect(await registration.deregister()).toBe(true);
    expect(registration.problem).toBe(null);
    expect(written()).toEqual(['deregister web-1']);
  });

  it('registers again, at once, when Consul has forgotten it', async () => {
    const { api, registration, pass, written } = await registered();
    registration.start();
    await pass(100);
    written();
    api.knowsCheck = false;
    await pass(5_100);
    expect(written()).toEqual(['passing web-1-ttl', 'register web-1 passing', 'passing web-1-ttl']);
    expect(registration.problem).toBe(null);
  });

  it('registers again when Consul comes back, whether or not it forgot', async () => {
    const { api, registration, pass, written } = await registered();
    registration.start();
    await pass(100);
    written();
    api.failures.push(new ConsulError('connect ECONNREFUSED'), new ConsulError('connect ECONNREFUSED'));
    await pass(5_100);
    expect(registration.problem).toBe('connect ECONNREFUSED');
    await pass(5_000);
    expect(written()).toEqual([
      'passing web-1-ttl',
      'register web-1 passing',
      'register web-1 passing',
      'passing web-1-ttl',
    ]);
    expect(registration.problem).toBe(null);
  });

  it('does not flood a Consul that refuses it', async () => {
    const { api, registration, pass, written } = await registered();
    for (let i = 0; i < 1000; i++) api.failures.push(new ConsulError('Consul answered 403', 403));
    registration.start();
    await pass(60_000);
    expect(written().length).toBeLessThan(30);
    expect(registration.problem).toBe('Consul answered 403');
  });

  it('does not flood a Consul that forgets it every time', async () => {
    const { api, registration, pass, written } = await registered();
    Object.defineProperty(api, 'knowsCheck', { get: () => false, set: () => undefined });
    registration.start();
    await pass(60_000);
    expect(written().length).toBeLessThan(60);
  });

  it('drains, then leaves', async () => {
    const { registration, pass, written, clock } = await registered();
    registration.start();
    await pass(100);
    written();
    expect(await registration.drain('stopping')).toBe(true);
    await pass(5_100);
    expect(await registration.deregister()).toBe(true);
    await pass(30_000);
    expect(written()).toEqual(['maintenance web-1 true stopping', 'passing web-1-ttl', 'deregister web-1']);
    expect(clock.armed).toBe(0);
  });

  it('goes on draining when Consul forgets it meanwhile', async () => {
    const { api, registration, pass, written } = await registered();
    registration.start();
    await pass(100);
    await registration.drain('stopping');
    written();
    api.knowsCheck = false;
    await pass(5_100);
    expect(written()).toEqual([
      'passing web-1-ttl',
      'register web-1 passing',
      'maintenance web-1 true stopping',
      'passing web-1-ttl',
    ]);
  });

  it('says so, and does not throw, when Consul cannot be told of the end', async () => {
    const { api, registration, pass } = await registered();
    registration.start();
    await pass(100);
    api.failures.push(new ConsulError('away'), new ConsulError('still away'));
    expect(await registration.drain('stopping')).toBe(false);
    expect(await registration.deregister()).toBe(false);
    expect(registration.problem).toBe('still away');
  });

  it('gives up telling after three seconds', async () => {
    const { api, registration, pass, clock } = await registered();
    api.deregister = (_id: string, signal?: AbortSignal) =>
      new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new ConsulError('cancelled'))));
    registration.start();
    await pass(100);
    const left = registration.deregister();
    await pass(3_100);
    expect(await left).toBe(false);
    expect(clock.armed).toBe(0);
  });

  it('takes nothing out when it never put anything in', async () => {
    const { registration, written } = await registered();
    expect(await registration.deregister()).toBe(true);
    expect(written()).toEqual([]);
  });

  describe('whose id somebody else holds', () => {
    const OTHER = { address: '127.0.0.1', port: 81, isForsaken: false };

    it('leaves it to who is alive, says so, and registers when it is free', async () => {
      const { api, registration, pass, written, events } = await registered();
      api.held = OTHER;
      registration.start();
      await pass(19_000);
      expect(written()).toEqual([]);
      expect(registration.problem).toMatch(/the id "web-1" is held by 127\.0\.0\.1:81.*service\.id of its own/);
      expect(events).toEqual(['registration_conflict!']);
      api.held = null;
      await pass(5_100);
      expect(written()).toEqual(['register web-1 passing', 'passing web-1-ttl']);
      expect(registration.problem).toBe(null);
    });

    it('takes over what an earlier run has left, with a notice', async () => {
      const { api, state, registration, pass, written, events } = await registered();
      api.held = OTHER;
      state.isServed = false;
      registration.start();
      await pass(100);
      expect(written()).toEqual(['register web-1 passing', 'passing web-1-ttl']);
      expect(events).toEqual(['registration_taken_over', 'registered']);
    });

    it('takes it over when its TTL has run out, whoever has the port by now', async () => {
      const { api, registration, pass, written } = await registered();
      api.held = OTHER;
      registration.start();
      await pass(100);
      api.held = { ...OTHER, isForsaken: true };
      await pass(5_100);
      expect(written()).toEqual(['register web-1 passing', 'passing web-1-ttl']);
    });

    it('does not vouch for one that came later, nor take part in its health', async () => {
      const { api, state, registration, pass, written, events } = await registered();
      registration.start();
      await pass(100);
      api.held = OTHER;
      written();
      await pass(5_100);
      state.isReady = false;
      await pass(5_100);
      expect(written()).toEqual([]);
      expect(events).toEqual(['registered', 'registration_conflict!']);
    });

    it('takes it back when the other one is gone', async () => {
      const { api, state, registration, pass, written } = await registered();
      registration.start();
      await pass(100);
      api.held = OTHER;
      await pass(5_100);
      written();
      state.isServed = false;
      await pass(5_100);
      expect(written()).toEqual(['register web-1 passing', 'passing web-1-ttl']);
      expect(registration.problem).toBe(null);
    });

    it('makes no noise about a successor while it leaves', async () => {
      const { api, registration, pass, written, events } = await registered();
      registration.start();
      await pass(100);
      await registration.drain('stopping');
      api.held = OTHER;
      written();
      await pass(5_100);
      expect(await registration.deregister()).toBe(false);
      expect(written()).toEqual([]);
      expect(events.filter((event) => event.startsWith('registration_conflict'))).toEqual([]);
    });

    it('neither drains nor takes out the other when it stops', async () => {
      const { api, registration, pass, written } = await registered();
      registration.start();
      await pass(100);
      written();
      api.held = OTHER;
      expect(await registration.drain('stopping')).toBe(false);
      expect(await registration.deregister()).toBe(false);
      expect(written()).toEqual([]);
      expect(registration.problem).toMatch(/held by 127\.0\.0\.1:81/);
    });
  });
});
