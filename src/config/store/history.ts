import { gunzipSync, gzipSync } from 'node:zlib';
import type { KvDocument } from '../../discovery/kv.ts';
import { HISTORY_PREFIX, type LayerName } from '../kv-keys.ts';
import { isMap } from '../layers.ts';

/** So many revisions of a layer are kept, besides the one in force, and so many canaries that came to nothing. */
export const KEPT_REVISIONS = 20;

/** `halted`: a canary that did not become the document. Its entry changed nothing. */
export type EntryKind = 'applied' | 'rolled_back' | 'promoted' | 'halted';

/**
 * One change of a layer: the value of `remora/history/<layer>/<revision>`. It is written in the same transaction as the
 * document, so its own ModifyIndex is the revision that the change made, and its key is the one that it ended.
 */
export interface HistoryEntry {
  readonly kind: EntryKind;
  /** Random: by it a writer knows its own write again, whatever Consul answered. */
  readonly id: string;
  /** The document that the change ended, null for none. Of `halted`: the candidate. */
  readonly document: string | null;
  /** Wall time, ms since 1970. */
  readonly atMs: number;
  /** `user@host`. */
  readonly by: string;
  /** Why, in the words of `-m`. */
  readonly message: string;
  /** What happened on the way, of canaries. */
  readonly story: readonly string[];
}

/** An entry as it stands in Consul. */
export interface StoredEntry extends HistoryEntry {
  readonly key: string;
  /** The revision that ended: the last part of its key. */
  readonly ended: string;
  /** The revision that the change made. */
  readonly made: string;
}

const MAX_STORY = 50;
const MAX_WORDS = 500;
/** Longer documents are packed: Consul's limit of a transaction is of both documents together. */
const PLAIN_CHARACTERS = 2_048;

export function encodeEntry({ document, message, story, ...entry }: HistoryEntry): string {
  const isLong = document !== null && document.length > PLAIN_CHARACTERS;
  const kept = isLong ? { gzip: gzipSync(document, { level: 9 }).toString('base64') } : { document };
  const told = { message: message.slice(0, MAX_WORDS), story: story.slice(0, MAX_STORY).map(cut) };
  return `${JSON.stringify({ ...entry, ...told, ...kept }, null, 1)}\n`;
}

/** Null: nothing that can be read. Whoever may write there may write anything. */
export function decodeEntry({ key, text, revision }: KvDocument): StoredEntry | null {
  const ended = key.slice(key.lastIndexOf('/') + 1).replace(/^0+(?=\d)/, '');
  const value = parsed(text);
  if (!isMap(value) || !/^\d+$/.test(ended)) return null;
  const kind = KINDS.find((known) => known === value['kind']);
  const document = documentOf(value);
  if (kind === undefined || document === undefined) return null;
  const story = Array.isArray(value['story']) ? value['story'].slice(0, MAX_STORY).map(words) : [];
  const told = { by: words(value['by']), message: words(value['message']), story };
  return {
    key,
    ended,
    made: revision,
    kind,
    id: words(value['id']),
    document,
    atMs: Number(value['atMs']) || 0,
    ...told,
  };
}

const KINDS: readonly EntryKind[] = ['applied', 'rolled_back', 'promoted', 'halted'];

/** With the slash: `service/a` is no part of `service/ab`. */
export function historyPrefix(layer: LayerName): string {
  return `${HISTORY_PREFIX}${layer}/`;
}

/**
 * Keys that leave the history when an entry comes, oldest first. Documents, canaries that came to nothing and what
 * nobody can read are counted each by itself: twenty canaries that fail in a row take away no document to go back to.
 */
export function leavingFor(coming: EntryKind, stored: readonly KvDocument[]): readonly string[] {
  const keys: Readonly<Record<'document' | 'halted' | 'unreadable', string[]>> = {
    document: [],
    halted: [],
    unreadable: [],
  };
  for (const document of stored) {
    const entry = decodeEntry(document);
    keys[entry === null ? 'unreadable' : sortOf(entry.kind)].push(document.key);
  }
  return Object.entries(keys).flatMap(([sort, all]) => {
    const count = all.length + (sort === sortOf(coming) ? 1 : 0) - KEPT_REVISIONS;
    return all.slice(0, Math.max(0, count));
  });
}

function sortOf(kind: EntryKind): 'document' | 'halted' {
  return kind === 'halted' ? 'halted' : 'document';
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}

const MAX_UNPACKED_BYTES = 1_048_576;

function documentOf({ document, gzip }: Readonly<Record<string, unknown>>): string | null | undefined {
  if (typeof document === 'string' || document === null) return document;
  if (typeof gzip !== 'string') return undefined;
  try {
    return gunzipSync(Buffer.from(gzip, 'base64'), { maxOutputLength: MAX_UNPACKED_BYTES }).toString();
  } catch {
    return undefined;
  }
}

function words(value: unknown): string {
  return typeof value === 'string' ? cut(value) : '';
}

function cut(text: string): string {
  return text.slice(0, MAX_WORDS);
}
