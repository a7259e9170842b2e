import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeSources } from '../../src/agent/discovery.ts';
import { NO_LOG } from '../../src/base/log.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { Cell } from '../../src/base/watch.ts';
import type { Config } from '../../src/config/config.ts';
import { namesOf, queryFor, specs } from '../support/endpoint-specs.ts';
import { eventually } from '../support/eventually.ts';
import { FakeConsulApi, healthAnswer } from '../support/fake-consul-api.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

it('keeps what it remembers of one datacenter or namespace from another', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'remora-origin-'));
  const ends = new AbortController();
  const clock = new ManualClock();
  const api = new FakeConsulApi();
  const follow = (more: object) => {
    const consul = { address: 'http://c', datacenter: null, namespace: null, ...more };
    const config = new Cell(clock, { static: new Map(), stateDir, consul } as unknown as Config);
    const sources = makeSources(config, api, new Cell(clock), clock, new SeededRandom(1), NO_LOG);
    return sources.pick('web')!.follow(queryFor('web'), ends.signal, 'cold');
  };
  try {
    follow({ datacenter: 'dc1' });
    await settled();
    api.poll?.answer(healthAnswer(specs('ab'), 5));
    await eventually(async () => {
      clock.advance(50);
      return (await readdir(stateDir)).some((name) => name.endsWith('.json'));
    });
    expect(namesOf(follow({ datacenter: 'dc1' }).value?.endpoints)).toBe('ab');
    expect(follow({ datacenter: 'dc2' }).value).toBe(null);
    expect(follow({ datacenter: 'dc1', namespace: 'team' }).value).toBe(null);
    expect(follow({}).value).toBe(null);
  } finally {
    ends.abort();
    await rm(stateDir, { recursive: true, force: true });
  }
});
