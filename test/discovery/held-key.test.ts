import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../src/base/random.ts';
import type { ConsulAnswer } from '../../src/discovery/consul-api.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import { HeldKey, MIN_WRITE_MS, SESSION_TTL_MS, SPREAD_MS } from '../../src/discovery/held-key.ts';
import type { KvDocument } from '../../src/discovery/kv.ts';
import { FakeConsulApi } from '../support/fake-consul-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

/** A KV store with one key and its sessions. */
class FakeSessions extends FakeConsulApi {
  text: string | null = null;
  isAlive = true;
  /** Another session has the key. */
  isTaken = false;
  private made = 0;

  override async createSession(): Promise<string> {
    this.say(`session ${++this.made}`);
    this.isAlive = true;
    return `s${this.made}`;
  }

  override async renewSession(): Promise<boolean> {
    this.say('renew');
    return this.isAlive;
  }

  override async putKv(_key: string, text?: string): Promise<boolean> {
    this.say(`put ${text}`);
    if (this.isTaken) return false;
    this.text = text ?? null;
    return true;
  }

  override async kv(key?: string): Promise<ConsulAnswer<KvDocument>> {
    this.say('look');
    const value = { key: key ?? '', text: this.text, isHeld: this.text !== null, revision: '1' };
    return { value, index: 1n, knowsLeader: true, isFiltered: false, print: '' };
  }

  override async destroySession(): Promise<void> {
    this.say('destroy');
    this.text = null;
  }

  private say(line: string): void {
    this.log.push(line);
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }
}

function held() {
  const clock = new ManualClock();
  const api = new FakeSessions();
  const events: string[] = [];
  const note = (event: string) => void events.push(event);
  const log = { info: note, warn: note, error: note };
  const key = new HeldKey(api, 'remora/status/web/web-1', clock, new SeededRandom(2), log);
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 50) {
      clock.advance(Math.min(50, left));
      await settled();
    }
  };
  const written = (): string[] => api.log.splice(0);
  return { clock, api, key, pass, written, events };
}

/** What renews and looks is not what these tests are about. */
function writes(lines: readonly string[]): string[] {
  return lines.filter((line) => line !== 'renew' && line !== 'look');
}

describe('HeldKey', () => {
  it('writes under a session within the spread, and then nothing while nothing changes', async () => {
    const { key, pass, written } = held();
    key.put('a');
    await pass(SPREAD_MS + 50);
    expect(written()).toEqual(['session 1', 'put a']);
    key.put('a');
    await pass(60_000);
    expect(writes(written())).toEqual([]);
  });

  it('asks Consul for five things a minute at rest, and a little more for its jitter', async () => {
    const { key, pass, written } = held();
    key.put('a');
    await pass(SPREAD_MS + 50);
    written();
    await pass(600_000);
    const asked = written();
    expect(asked.length).toBeLessThanOrEqual(10 * 6);
    expect(asked.filter((line) => line === 'renew').length).toBeGreaterThanOrEqual(600_000 / (SESSION_TTL_MS / 2));
  });

  it('writes the newest of many changes, at most one in five seconds', async () => {
    const { key, pass, written } = held();
    key.put('0');
    await pass(SPREAD_MS + 50);
    written();
    for (let i = 1; i <= 600; i++) {
      key.put(`${i}`);
      await pass(50);
    }
    const many = writes(written());
    expect(many.length).toBeLessThanOrEqual(30_000 / MIN_WRITE_MS + 1);
    await pass(MIN_WRITE_MS + SPREAD_MS);
    expect(writes(written())).toEqual(['put 600']);
  });

  it('writes again when its session is gone', async () => {
    const { api, key, pass, written } = held();
    key.put('a');
    await pass(SPREAD_MS + 50);
    written();
    api.isAlive = false;
    await pass(SESSION_TTL_MS / 2 + 100);
    expect(written()).toEqual(['renew', 'session 2', 'put a']);
  });

  it('writes again when somebody deleted the key', async () => {
    const { api, key, pass, written } = held();
    key.put('a');
    await pass(SPREAD_MS + 50);
    api.text = null;
    written();
    await pass(70_000);
    expect(writes(written())).toEqual(['put a']);
  });

  it('leaves a key to another session, says so once, and takes it when it is free', async () => {
    const { api, key, pass, written, events } = held();
    api.isTaken = true;
    key.put('a');
    await pass(60_000);
    expect(key.problem).toContain('is held by another session');
    expect(events).toEqual(['status_not_written']);
    expect(writes(written()).length).toBeLessThan(15);
    api.isTaken = false;
    await pass(60_000);
    expect(api.text).toBe('a');
    expect(key.problem).toBe(null);
    expect(events).toEqual(['status_not_written', 'status_written']);
  });

  it('tries once a minute without the rights', async () => {
    const { api, key, pass, written, events } = held();
    for (let i = 0; i < 100; i++) api.failures.push(new ConsulError('Permission denied', 403));
    key.put('a');
    await pass(600_000);
    expect(written().length).toBeLessThan(25);
    expect(events).toEqual(['status_not_written']);
  });

  it('goes on where it was when Consul comes back', async () => {
    const { api, key, pass } = held();
    key.put('a');
    await pass(SPREAD_MS + 50);
    for (let i = 0; i < 3; i++) api.failures.push(new ConsulError('connection refused'));
    key.put('b');
    await pass(90_000);
    expect(api.text).toBe('b');
    expect(key.problem).toBe(null);
  });

  it('takes its key away at the end, and begins nothing after it', async () => {
    const { api, key, pass, written } = held();
    key.put('a');
    await pass(SPREAD_MS + 50);
    written();
    const released = key.release();
    await settled();
    expect(await released).toBe(true);
    expect(api.text).toBe(null);
    await pass(60_000);
    expect(written()).toEqual(['destroy']);
  });

  it('has nothing to take away that was never written', async () => {
    const { key, written } = held();
    expect(await key.release()).toBe(true);
    expect(written()).toEqual([]);
  });
});
