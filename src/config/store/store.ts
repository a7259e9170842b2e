import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/sleep.ts';
import type { ConsulApi, KvWrite, Transaction } from '../../discovery/consul-api.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
import type { KvDocument } from '../../discovery/kv.ts';
import { MAX_WRITES } from '../../discovery/kv-transaction.ts';
import { configKey, historyKey, type LayerName } from '../kv-keys.ts';
import {
  decodeEntry,
  type EntryKind,
  encodeEntry,
  type HistoryEntry,
  historyPrefix,
  leavingFor,
  type StoredEntry,
} from './history.ts';

/** A document in place of the one that its writer has seen. */
export interface Change {
  readonly layer: LayerName;
  /** What the layer was when the change was made of it. */
  readonly base: KvDocument;
  /** As it will stand in Consul. */
  readonly text: string;
  readonly entry: Omit<HistoryEntry, 'document'>;
  /** What has to happen in the same instant: that a rollout is over, above all. */
  readonly also: readonly KvWrite[];
}

/** What is true when it is over, whatever Consul answered on the way. */
export type ChangeOutcome =
  /** `revision` null: it is done, and Consul could not be asked any more which revision it made. */
  | { readonly kind: 'applied'; readonly revision: string | null }
  /** The base had moved: nothing was written. */
  | { readonly kind: 'moved'; readonly now: KvDocument }
  /** Consul will not have it: nothing was written. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Consul could not be asked for as long as there was patience. The change may be done, now or in a moment. */
  | { readonly kind: 'unknown'; readonly why: string };

const DONE: Transaction = { isDone: true, refusals: [] };

const READ_TIMEOUT_MS = 5_000;
const PATIENCE_MS = 30_000;
const PAUSE_MS = 250;

/**
 * The layers and their history in Consul's KV store, for those who change them.
 *
 * A write whose answer is lost may be done, never be done, or be done later, when a server that has it in its log is
 * elected. To read what stands there does not settle that. So the same write is sent again: it holds only on the base
 * it was made of, hence at most one of all of them takes effect, and the one that is answered tells what became of all.
 */
export class LayerStore {
  constructor(
    private readonly api: ConsulApi,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
    private readonly patienceMs = PATIENCE_MS,
  ) {}

  layer(layer: LayerName): Promise<KvDocument> {
    return this.key(configKey(layer));
  }

  async key(key: string): Promise<KvDocument> {
    return (await this.api.kv(key, this.read(), this.signal)).value;
  }

  /** Keys of folders have no documents. */
  async below(prefix: string): Promise<readonly KvDocument[]> {
    const { value } = await this.api.kvTree(prefix, this.read(), this.signal);
    return value.filter(({ key }) => !key.endsWith('/'));
  }

  /** Oldest first. */
  async history(layer: LayerName): Promise<readonly StoredEntry[]> {
    const documents = await this.below(historyPrefix(layer));
    return documents.flatMap((document) => decodeEntry(document) ?? []);
  }

  /** In one transaction: the document, the history with what it was before, and what leaves the history for it. */
  async replace(change: Change): Promise<ChangeOutcome> {
    const { layer, base, text, entry, also } = change;
    const written = encodeEntry({ ...entry, document: base.text });
    const writes: KvWrite[] = [
      { kind: 'set', key: configKey(layer), text, revision: base.revision },
      { kind: 'set', key: historyKey(layer, base.revision), text: written, revision: null },
      ...also,
    ];
    const trimmed = await this.tooOld(layer, entry.kind, MAX_WRITES - writes.length);
    return this.settle(change, [...writes, ...trimmed]);
  }

  /** A line in the history about something that changed no document. */
  async record(layer: LayerName, revision: string, entry: HistoryEntry, also: readonly KvWrite[]): Promise<boolean> {
    const write: KvWrite = { kind: 'set', key: historyKey(layer, revision), text: encodeEntry(entry), revision: null };
    const trimmed = await this.tooOld(layer, entry.kind, MAX_WRITES - 1 - also.length);
    return (await this.api.transact([write, ...also, ...trimmed], this.signal)).isDone;
  }

  /** Asks again through an election, for as long as there is patience. What is asked has to be the same when it is done twice. */
  async insist<T>(ask: () => Promise<T>): Promise<T> {
    const until = this.clock.now() + this.patienceMs;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        const isOver = this.signal.aborted || this.clock.now() >= until;
        if (isOver || !(error instanceof ConsulError) || error.isLasting) throw error;
      }
      await sleep(this.clock, PAUSE_MS, this.signal);
    }
  }

  private async settle(change: Change, writes: readonly KvWrite[]): Promise<ChangeOutcome> {
    const until = this.clock.now() + this.patienceMs;
    let isDone = false;
    let doubt: string | null = null;
    for (;;) {
      try {
        const answer: Transaction = isDone ? DONE : await this.api.transact(writes, this.signal);
        isDone = answer.isDone;
        const outcome = await this.outcomeOf(change);
        if (outcome !== null) return outcome;
        // The base stands, so it was one of the other writes; all attempts have the same.
        if (!isDone) return { kind: 'refused', why: answer.refusals.map(({ why }) => why).join('; ') };
      } catch (error) {
        if (!(error instanceof ConsulError)) throw error;
        // A refusal of this attempt says nothing of those before it.
        if (error.isLasting && doubt === null && !isDone) return { kind: 'refused', why: error.message };
        doubt = error.message;
      }
      if (this.clock.now() >= until || this.signal.aborted) break;
      await sleep(this.clock, PAUSE_MS, this.signal);
    }
    return isDone ? { kind: 'applied', revision: null } : { kind: 'unknown', why: doubt ?? 'the base still stands' };
  }

  /** Null while the base stands. The document first: an entry of ours that is there by then was written with it. */
  private async outcomeOf({ layer, base, entry }: Change): Promise<ChangeOutcome | null> {
    const now = await this.layer(layer);
    if (now.revision === base.revision) return null;
    const stored = decodeEntry(await this.key(historyKey(layer, base.revision)));
    return stored?.id === entry.id ? { kind: 'applied', revision: stored.made } : { kind: 'moved', now };
  }

  private async tooOld(layer: LayerName, coming: EntryKind, room: number): Promise<readonly KvWrite[]> {
    const keys = leavingFor(coming, await this.below(historyPrefix(layer)));
    return keys.slice(0, room).map((key) => ({ kind: 'delete', key, revision: null }));
  }

  private read(): Parameters<ConsulApi['kv']>[1] {
    return { mode: 'consistent', index: 0n, waitMs: 0, timeoutMs: READ_TIMEOUT_MS };
  }
}
