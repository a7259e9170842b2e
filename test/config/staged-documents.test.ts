import { describe, expect, it } from 'vitest';
import { Cell } from '../../src/base/watch.ts';
import { LiveConfig } from '../../src/config/live-config.ts';
import type { Material, Settlement, Settler } from '../../src/config/material.ts';
import { SettlerHere } from '../../src/config/settler-here.ts';
import type { KvDocuments } from '../../src/discovery/kv-tree.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { settled } from '../support/settled.ts';

const FILE = 'service: { name: web, port: 8080 }\nconsul: {}\nupstreams: { orders: { timeouts: { request: 3s } } }\n';

/** Settles when it is let. */
class Held implements Settler {
  private readonly inner = new SettlerHere(() => 1_700_000_000_000);
  isHeld = false;
  private go = (): void => undefined;

  async settle(material: Material): Promise<Settlement> {
    if (this.isHeld) await new Promise<void>((resolve) => (this.go = resolve));
    return this.inner.settle(material);
  }

  release(): void {
    this.isHeld = false;
    this.go();
  }
}

async function live() {
  const clock = new ManualClock();
  const settler = new Held();
  const quiet = {
    onConfigApplied: () => undefined,
    onConfigRefused: () => undefined,
    onConfigUnreachable: () => undefined,
  };
  const settings = new LiveConfig(clock, settler, quiet);
  await settings.takeFile({ source: 'remora.yaml', text: FILE, env: {}, set: [] });
  const documents = new Cell<KvDocuments>(clock);
  settings.follow(documents, 'web', new AbortController().signal);
  const show = async (text: string, revision: string): Promise<void> => {
    const document = { key: 'remora/config/mesh', text, isHeld: false, revision };
    documents.set({ documents: [document], omitted: 0 });
    await settled();
  };
  const stage = async (text: string | null, revision = '50'): Promise<void> => {
    settings.override('mesh', text === null ? null : { layer: 'mesh', text, revision, isCandidate: true });
    await settled();
  };
  const request = (): number => settings.config.value!.upstreams.get('orders')!.timeouts.requestMs;
  return { settings, settler, show, stage, request };
}

describe('a staged document', () => {
  it('is in force in place of the layer’s own, whose revision is still the one that was seen', async () => {
    const { settings, show, stage, request } = await live();
    await show('upstreams: { orders: { timeouts: { request: 4s } } }', '10');
    await stage('upstreams: { orders: { timeouts: { request: 5s } } }');
    expect(request()).toBe(5_000);
    expect(settings.candidateOf('mesh')).toEqual({ state: 'applied', problems: [] });
    expect(settings.standings()).toMatchObject([
      { layer: 'mesh', seen: '10', used: { revision: '50', isCandidate: true } },
    ]);
    await stage(null);
    expect(request()).toBe(4_000);
    expect(settings.candidateOf('mesh')).toBe(null);
  });

  it('is pending until it has been settled, whatever is wrong with the document before it', async () => {
    const { settings, settler, show, stage } = await live();
    await show('upstreams: { orders: { xyzzy: 1 } }', '10');
    settler.isHeld = true;
    await stage('upstreams: { orders: { timeouts: { request: 5s } } }');
    expect(settings.candidateOf('mesh')).toEqual({ state: 'pending', problems: [] });
    settler.release();
    await settled();
    expect(settings.candidateOf('mesh')).toEqual({ state: 'applied', problems: [] });
  });

  it('is refused when the file is at odds with it, and what was in force stays', async () => {
    const { settings, show, stage, request } = await live();
    await show('upstreams: { orders: { timeouts: { streamIdle: 1m } } }', '10');
    await stage('upstreams: { orders: { timeouts: { attempt: 9s } } }');
    const standing = settings.candidateOf('mesh')!;
    expect(standing.state).toBe('refused');
    expect(standing.problems[0]).toMatchObject({ path: 'upstreams.orders.timeouts.attempt', found: '9s' });
    expect(request()).toBe(3_000);
    expect(settings.config.value!.upstreams.get('orders')!.timeouts.streamIdleMs).toBe(60_000);
  });

  it('shows a layer that moves under it', async () => {
    const { settings, show, stage, request } = await live();
    await show('{}', '10');
    await stage('upstreams: { orders: { timeouts: { request: 5s } } }');
    await show('upstreams: { orders: { timeouts: { request: 5s } } }', '60');
    expect(settings.standings()[0]?.seen).toBe('60');
    const changes: number[] = [];
    settings.config.subscribe(() => changes.push(request()));
    await stage(null);
    expect(request()).toBe(5_000);
    // The promoted document says the same: nobody is told of a change.
    expect(changes).toEqual([5_000]);
  });
});
