import type { ServiceQuery } from '../../src/cluster/snapshot.ts';
import type { ConsulAnswer, ConsulRead, HealthAnswer, KvWrite, Transaction } from '../../src/discovery/consul-api.ts';
import { ConsulError } from '../../src/discovery/consul-error.ts';
import type { KvDocument } from '../../src/discovery/kv.ts';
import { FakeConsulApi } from './fake-consul-api.ts';

/** What becomes of a transaction: its answer is lost after it was done, or before; it is done later; or it is refused. */
export type Fate = 'lost_done' | 'lost' | 'late' | 'denied';

/** A KV store in memory, with transactions as Consul does them: one index for all writes of one. */
export class MemoryKv extends FakeConsulApi {
  readonly keys = new Map<string, { readonly text: string; readonly revision: number }>();
  index = 10;
  /** Of the next transactions, in turn. */
  readonly fates: Fate[] = [];
  transactions = 0;
  /** Services of which nobody has registered an instance. */
  readonly unknown = new Set<string>();
  private late: readonly KvWrite[] | null = null;

  put(key: string, text: string): string {
    this.index += 1;
    this.keys.set(key, { text, revision: this.index });
    return String(this.index);
  }

  override async health({ service }: ServiceQuery): Promise<HealthAnswer> {
    const skipped = this.unknown.has(service) ? [] : ['an instance of it'];
    return { ...this.answer([]), skipped, resources: [] };
  }

  override async kv(key = '', _read?: ConsulRead): Promise<ConsulAnswer<KvDocument>> {
    return this.answer(this.document(key));
  }

  override async kvTree(
    prefix = '',
    _read?: ConsulRead,
    _signal?: AbortSignal,
  ): Promise<ConsulAnswer<readonly KvDocument[]>> {
    const found = [...this.keys.keys()].filter((key) => key.startsWith(prefix)).sort();
    return this.answer(found.map((key) => this.document(key)));
  }

  override async putKv(key: string, text = ''): Promise<boolean> {
    await super.putKv(key);
    this.put(key, text);
    return true;
  }

  override async transact(writes: readonly KvWrite[] = []): Promise<Transaction> {
    this.transactions += 1;
    const fate = this.fates.shift();
    if (fate === 'denied') throw new ConsulError('Consul answered 403: Permission denied', 403);
    if (fate === 'lost') throw new ConsulError('Consul answered 500: No cluster leader', 500);
    if (fate === 'late') {
      this.late = writes;
      throw new ConsulError('no answer within 10000 ms');
    }
    this.catchUp();
    const done = this.apply(writes);
    if (fate === 'lost_done') throw new ConsulError('Consul answered 500: rpc error making call: EOF', 500);
    return done;
  }

  /** A write that was in the log of a server is done before all that come after it. */
  catchUp(): void {
    if (this.late !== null) this.apply(this.late);
    this.late = null;
  }

  private apply(writes: readonly KvWrite[]): Transaction {
    const refusals = writes.flatMap((write, index) => {
      if (write.kind === 'delete_tree' || write.revision === null) return [];
      const { revision } = this.document(write.key);
      // As in Consul: what has gone need not be deleted.
      if (write.kind === 'delete' && revision === '0') return [];
      return revision === write.revision ? [] : [{ index, why: 'index is stale' }];
    });
    if (refusals.length > 0) return { isDone: false, refusals };
    this.index += 1;
    for (const write of writes) {
      if (write.kind === 'set') this.keys.set(write.key, { text: write.text, revision: this.index });
      else if (write.kind === 'delete') this.keys.delete(write.key);
      else if (write.kind === 'delete_tree')
        for (const key of [...this.keys.keys()]) if (key.startsWith(write.prefix)) this.keys.delete(key);
    }
    return { isDone: true, refusals: [] };
  }

  private document(key: string): KvDocument {
    const found = this.keys.get(key);
    return { key, text: found?.text ?? null, isHeld: false, revision: String(found?.revision ?? 0) };
  }

  private answer<T>(value: T): ConsulAnswer<T> {
    return { value, index: BigInt(this.index), knowsLeader: true, isFiltered: false, print: '' };
  }
}
