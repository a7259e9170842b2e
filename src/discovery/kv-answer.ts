import { ConsulError } from './consul-error.ts';
import type { KvDocument } from './kv.ts';

/** One key out of Consul's KV answer: a list with one entry, or with none for a key that does not exist. */
export function decodeKv(key: string, body: unknown): KvDocument {
  if (!Array.isArray(body)) throw new ConsulError('KV answer: expected a list');
  const entry: unknown = body[0];
  if (entry === undefined) return { key, text: null, isHeld: false, revision: '0' };
  const { Value, ModifyIndex, Session } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<
    string,
    unknown
  >;
  if (typeof ModifyIndex !== 'number') throw new ConsulError('KV answer: expected a ModifyIndex');
  // Consul writes an empty value as null.
  if (typeof Value !== 'string' && Value !== null) throw new ConsulError('KV answer: expected a Value in base64');
  return {
    key,
    text: Buffer.from(Value ?? '', 'base64').toString('utf8'),
    isHeld: typeof Session === 'string' && Session !== '',
    revision: String(ModifyIndex),
  };
}
