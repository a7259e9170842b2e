import type { KvWrite, Transaction } from './consul-api.ts';
import { ConsulError } from './consul-error.ts';

/** Consul takes no more in one transaction. */
export const MAX_WRITES = 64;

export function encodeWrites(writes: readonly KvWrite[]): readonly unknown[] {
  if (writes.length > MAX_WRITES) throw new ConsulError(`${writes.length} writes in one transaction of Consul's`);
  return writes.map((write) => ({ KV: encodeWrite(write) }));
}

function encodeWrite(write: KvWrite): object {
  if (write.kind === 'delete_tree') return { Verb: 'delete-tree', Key: write.prefix };
  const { key, revision } = write;
  const index = revision === null ? {} : { Index: Number(revision) };
  if (write.kind === 'check') return { Verb: 'check-index', Key: key, ...index };
  if (write.kind === 'delete') return { Verb: revision === null ? 'delete' : 'delete-cas', Key: key, ...index };
  const Value = Buffer.from(write.text).toString('base64');
  return { Verb: revision === null ? 'set' : 'cas', Key: key, Value, ...index };
}

export function decodeTransaction(body: unknown): Transaction {
  const { Errors } = (typeof body === 'object' && body !== null ? body : {}) as { readonly Errors?: unknown };
  if (Errors === undefined) throw new ConsulError('transaction: expected Errors');
  if (!Array.isArray(Errors) || Errors.length === 0) return { isDone: true, refusals: [] };
  const refusals = Errors.map((error: { readonly OpIndex?: unknown; readonly What?: unknown }) => ({
    index: Number(error.OpIndex ?? -1),
    why: String(error.What ?? 'refused'),
  }));
  return { isDone: false, refusals };
}
