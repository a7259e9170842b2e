import { describe, expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import type { DiscoverySource } from '../../src/cluster/snapshot.ts';
import { Sources } from '../../src/discovery/sources.ts';
import { type StaticServices, StaticSource } from '../../src/discovery/static-source.ts';
import { queryFor } from '../support/endpoint-specs.ts';
import { ManualClock } from '../support/manual-clock.ts';

const endpoint = (host: string, port: number, tags: readonly string[] = []) => ({
  host,
  port,
  weight: 1,
  tags,
  meta: {},
  zone: null,
});

function following(first: StaticServices | null, tag: string | null = null) {
  const clock = new ManualClock();
  const services = new Cell<StaticServices>(clock, first);
  const ends = new AbortController();
  const watch = new StaticSource(services, clock).follow(queryFor('web', { tag }), ends.signal);
  const ids: string[] = [];
  watch.subscribe((snapshot) => ids.push(snapshot.endpoints.map(({ id }) => id).join(' ')));
  return { clock, services, ends, watch, ids };
}

describe('StaticSource', () => {
  it('publishes the endpoints of the file, all of them passing', () => {
    const { watch } = following(new Map([['web', [endpoint('10.0.0.1', 80, ['v1'])]]]));
    expect(watch.value).toEqual({
      service: 'web',
      endpoints: [{ ...endpoint('10.0.0.1', 80, ['v1']), id: '10.0.0.1:80/web', health: 'passing', role: null }],
      source: 'file',
    });
  });

  it('follows the file, and stays silent when another service changed', () => {
    const { services, ids } = following(new Map([['web', [endpoint('10.0.0.1', 80)]]]));
    services.set(
      new Map([
        ['web', [endpoint('10.0.0.1', 80)]],
        ['api', []],
      ]),
    );
    services.set(new Map([['web', [endpoint('10.0.0.1', 80), endpoint('::1', 81)]]]));
    services.set(new Map([['web', []]]));
    expect(ids).toEqual(['10.0.0.1:80/web', '10.0.0.1:80/web ::1:81/web', '']);
  });

  it('keeps the endpoints of a service that is no longer listed, and says so', () => {
    const { services, watch, ids } = following(new Map([['web', [endpoint('10.0.0.1', 80)]]]));
    services.set(new Map());
    expect(ids).toEqual(['10.0.0.1:80/web']);
    expect(watch.problem).toContain('no longer under "static"');
  });

  it('is as fresh as the clock, because the file is watched', () => {
    const { clock, watch } = following(new Map([['web', []]]));
    clock.advance(1_000_000);
    expect(watch.freshAt).toBe(clock.now());
    expect(following(null).watch.freshAt).toBe(0);
  });

  it('lists the same place once, and only places with the tag that was asked for', () => {
    const services: StaticServices = new Map([
      ['web', [endpoint('10.0.0.1', 80, ['v1']), endpoint('10.0.0.1', 80, ['v1']), endpoint('10.0.0.2', 80)]],
    ]);
    expect(following(services).ids).toEqual(['10.0.0.1:80/web 10.0.0.2:80/web']);
    expect(following(services, 'v1').ids).toEqual(['10.0.0.1:80/web']);
  });

  it('stops listening when it is told to', () => {
    const { services, ends, ids } = following(new Map([['web', [endpoint('10.0.0.1', 80)]]]));
    ends.abort();
    services.set(new Map([['web', []]]));
    expect(ids.length).toBe(1);
  });
});

describe('Sources', () => {
  const file: DiscoverySource = { follow: () => new Cell(new ManualClock()) };
  const consul: DiscoverySource = { follow: () => new Cell(new ManualClock()) };

  it('serves a name under static from the file only, also an empty one, and others from Consul', () => {
    const services = new Cell<StaticServices>(new ManualClock(), new Map([['web', []]]));
    const sources = new Sources(services, file, consul);
    expect(sources.pick('web')).toBe(file);
    expect(sources.pick('api')).toBe(consul);
    services.set(new Map());
    expect(sources.pick('web')).toBe(consul);
  });

  it('has no source for other names without Consul', () => {
    expect(new Sources(new Cell<StaticServices>(new ManualClock(), new Map()), file, null).pick('api')).toBe(null);
  });
});
