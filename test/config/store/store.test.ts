import { describe, expect, it } from 'vitest';
import { configKey, historyKey } from '../../../src/config/kv-keys.ts';
import { KEPT_REVISIONS } from '../../../src/config/store/history.ts';
import { revisionsOf } from '../../../src/config/store/revisions.ts';
import { type Change, type ChangeOutcome, LayerStore } from '../../../src/config/store/store.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type Fate, MemoryKv } from '../../support/memory-kv.ts';

const LAYER = 'service/orders';
const KEY = configKey(LAYER);

function scene(fates: readonly Fate[] = []) {
  const kv = new MemoryKv();
  kv.put(KEY, 'retry: { attempts: 2 }\n');
  kv.fates.push(...fates);
  const clock = new ManualClock();
  const store = new LayerStore(kv, clock, new AbortController().signal);
  return { kv, clock, store };
}

let writers = 0;

async function change(store: LayerStore, text: string, more: Partial<Change> = {}): Promise<Change> {
  const id = `w${writers++}`;
  const entry = { kind: 'applied', id, atMs: 1_000, by: 'ann@desk', message: `to ${text}`, story: [] } as const;
  return { layer: LAYER, base: await store.layer(LAYER), text, entry, also: [], ...more };
}

/** Lets time pass until it is over. */
async function outcome(clock: ManualClock, doing: Promise<ChangeOutcome>): Promise<ChangeOutcome> {
  let over: ChangeOutcome | null = null;
  void doing.then((said) => (over = said));
  for (let turn = 0; over === null && turn < 2_000; turn++) {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    clock.advance(50);
  }
  return doing;
}

describe('a change of a layer', () => {
  it('writes the document and what it was before in one', async () => {
    const { kv, clock, store } = scene();
    const base = kv.keys.get(KEY)!;
    expect(await outcome(clock, store.replace(await change(store, 'b')))).toEqual({ kind: 'applied', revision: '12' });
    expect(kv.keys.get(KEY)).toEqual({ text: 'b', revision: 12 });
    const [entry] = await store.history(LAYER);
    expect(entry).toMatchObject({ ended: String(base.revision), made: '12', document: base.text, by: 'ann@desk' });
    expect(entry!.key).toBe(historyKey(LAYER, String(base.revision)));
  });

  it('is not made where the base has moved, and says to what', async () => {
    const { kv, clock, store } = scene();
    const late = await change(store, 'b');
    kv.put(KEY, 'other');
    const said = await outcome(clock, store.replace(late));
    expect(said).toMatchObject({ kind: 'moved', now: { text: 'other' } });
    expect(await store.history(LAYER)).toEqual([]);
  });

  it.each<[string, readonly Fate[]]>([
    ['was done and its answer was lost', ['lost_done']],
    ['was never done and its answer was lost', ['lost', 'lost', 'lost']],
    ['is done after a later attempt was sent', ['late', 'lost']],
    ['is done before the next attempt', ['late']],
  ])('is reported as applied, and done once, when it %s', async (_title, fates) => {
    const { kv, clock, store } = scene(fates);
    const { revision } = kv.keys.get(KEY)!;
    const said = await outcome(clock, store.replace(await change(store, 'b')));
    expect(said).toEqual({ kind: 'applied', revision: String(kv.keys.get(KEY)!.revision) });
    expect(kv.keys.get(KEY)!.revision).toBe(revision + 1);
    expect(await store.history(LAYER)).toHaveLength(1);
  });

  it('is reported as applied where somebody has changed the layer again before it was looked', async () => {
    const { kv, clock, store } = scene(['lost_done']);
    const mine = await change(store, 'b');
    const doing = store.replace(mine);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    const theirs = await change(new LayerStore(kv, clock, new AbortController().signal), 'c');
    await outcome(clock, store.replace(theirs));
    expect(await outcome(clock, doing)).toEqual({ kind: 'applied', revision: '12' });
    expect(kv.keys.get(KEY)!.text).toBe('c');
  });

  it('is reported as lost to the other where both answers were lost', async () => {
    const { kv, clock, store } = scene(['lost']);
    const mine = await change(store, 'b');
    const doing = store.replace(mine);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    kv.put(KEY, 'c');
    expect(await outcome(clock, doing)).toMatchObject({ kind: 'moved', now: { text: 'c' } });
  });

  it('is unknown when Consul cannot be asked for 30 s, and is not reported as either', async () => {
    const { clock, store } = scene(new Array<Fate>(1_000).fill('lost'));
    const began = clock.now();
    const said = await outcome(clock, store.replace(await change(store, 'b')));
    expect(said).toEqual({ kind: 'unknown', why: 'Consul answered 500: No cluster leader' });
    expect(clock.now() - began).toBeGreaterThanOrEqual(30_000);
  });

  it('is unknown when whoever asked for it leaves in the middle', async () => {
    const { kv, clock } = scene(new Array<Fate>(1_000).fill('lost'));
    const leaving = new AbortController();
    const store = new LayerStore(kv, clock, leaving.signal);
    const doing = store.replace(await change(store, 'b'));
    for (let i = 0; i < 10; i++) await Promise.resolve();
    leaving.abort();
    expect(await doing).toMatchObject({ kind: 'unknown' });
  });

  it('is refused at once where Consul says that it will not have it', async () => {
    const { clock, store } = scene(['denied']);
    const said = await outcome(clock, store.replace(await change(store, 'b')));
    expect(said).toEqual({ kind: 'refused', why: 'Consul answered 403: Permission denied' });
  });

  it('is not refused by an answer that says nothing of the attempt before it', async () => {
    const { kv, clock, store } = scene(['late', 'denied']);
    const doing = store.replace(await change(store, 'b'));
    for (let i = 0; i < 10; i++) await Promise.resolve();
    kv.catchUp();
    expect(await outcome(clock, doing)).toMatchObject({ kind: 'applied' });
  });

  it('is refused when what has to happen with it cannot', async () => {
    const { kv, clock, store } = scene();
    const also = [{ kind: 'check', key: 'remora/rollout/service/orders', revision: '7' }] as const;
    const said = await outcome(clock, store.replace(await change(store, 'b', { also })));
    expect(said).toEqual({ kind: 'refused', why: 'index is stale' });
    expect(kv.transactions).toBe(1);
  });

  it('keeps the last 20 documents', async () => {
    const { clock, store } = scene();
    for (let n = 0; n < KEPT_REVISIONS + 5; n++) {
      await outcome(clock, store.replace(await change(store, `n: ${n}`)));
    }
    const entries = await store.history(LAYER);
    expect(entries).toHaveLength(KEPT_REVISIONS);
    const revisions = revisionsOf(await store.layer(LAYER), entries);
    expect(revisions.map(({ text }) => text)).toEqual(
      Array.from({ length: KEPT_REVISIONS + 1 }, (_, i) => `n: ${KEPT_REVISIONS + 4 - i}`),
    );
    // Each says who made it, but the oldest, whose maker has left the history.
    expect(revisions.map(({ madeBy }) => madeBy?.message ?? null)).toEqual([
      ...revisions.slice(0, -1).map(({ text }) => `to ${text}`),
      null,
    ]);
  });

  it('keeps them however many canaries came to nothing, and 20 of those', async () => {
    const { clock, store } = scene();
    await outcome(clock, store.replace(await change(store, 'b')));
    for (let n = 0; n < KEPT_REVISIONS + 5; n++) {
      const { entry } = await change(store, 'c');
      await store.record(LAYER, String(1_000 + n), { ...entry, kind: 'halted', document: 'c' }, []);
    }
    const entries = await store.history(LAYER);
    expect(entries.filter(({ kind }) => kind === 'halted')).toHaveLength(KEPT_REVISIONS);
    expect(entries.filter(({ kind }) => kind === 'applied')).toHaveLength(1);
  });

  it('keeps them whatever somebody else has put beside them', async () => {
    const { kv, clock, store } = scene();
    for (let n = 0; n < 50; n++) kv.put(`remora/history/${LAYER}/zz-${n}`, 'nonsense');
    for (let n = 0; n < 5; n++) await outcome(clock, store.replace(await change(store, `n: ${n}`)));
    expect(await store.history(LAYER)).toHaveLength(5);
  });

  it('packs long documents, since both count for the size of the transaction', async () => {
    const { kv, clock, store } = scene();
    const long = `# ${'x'.repeat(200_000)}\n`;
    kv.put(KEY, long);
    await outcome(clock, store.replace(await change(store, 'b')));
    const [entry] = await store.history(LAYER);
    expect(entry!.document).toBe(long);
    expect(kv.keys.get(entry!.key)!.text.length).toBeLessThan(2_000);
  });

  it('passes over what others have put into the history', async () => {
    const { kv, clock, store } = scene();
    kv.put(`remora/history/${LAYER}/`, '');
    kv.put(historyKey(LAYER, '3'), 'nonsense');
    kv.put(historyKey(LAYER, '4'), '{"kind":"applied","gzip":"AAAA"}');
    await outcome(clock, store.replace(await change(store, 'b')));
    expect(await store.history(LAYER)).toHaveLength(1);
  });
});
