import { ConsulError } from './consul-error.ts';
import type { KvDocument } from './kv.ts';

/** One key out of Consul's KV answer: a list with one entry, or with none for a key that does not exist. */
export function decodeKv(key: string, body: unknown): KvDocument {
  const [entry] = listOf(body);
  return entry === undefined
    ? { key, text: null, isHeld: false, revision: '0' }
    : { ...decodeEntry(entry, () => true), key };
}

/** All keys of an answer, sorted. Entries of folders, which end with a slash and have no value, are keys like others. */
export function decodeKvTree(body: unknown, keeps: (key: string) => boolean = () => true): readonly KvDocument[] {
  return listOf(body)
    .map((entry) => decodeEntry(entry, keeps))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

function listOf(body: unknown): readonly unknown[] {
  if (!Array.isArray(body)) throw new ConsulError('KV answer: expected a list');
  return body;
}

function decodeEntry(entry: unknown, keeps: (key: string) => boolean): KvDocument {
  const { Key, Value, ModifyIndex, Session } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<
    string,
    unknown
  >;
  if (typeof Key !== 'string') throw new ConsulError('KV answer: expected a Key');
  if (typeof ModifyIndex !== 'number') throw new ConsulError('KV answer: expected a ModifyIndex');
  // Consul writes an empty value as null.
  if (typeof Value !== 'string' && Value !== null) throw new ConsulError('KV answer: expected a Value in base64');
  return {
    key: Key,
    text: keeps(Key) ? Buffer.from(Value ?? '', 'base64').toString('utf8') : null,
    isHeld: typeof Session === 'string' && Session !== '',
    revision: String(ModifyIndex),
  };
}
