import type { KvDocument } from '../../discovery/kv.ts';
import type { StoredEntry } from './history.ts';

/** One document that a layer has, or had. */
export interface Revision {
  /** Its ModifyIndex; `0`: before there was any. */
  readonly revision: string;
  readonly text: string | null;
  readonly isInForce: boolean;
  /** The change that made it; null: nobody wrote that down, as of a document that was put by hand. */
  readonly madeBy: StoredEntry | null;
}

/** Newest first. Entries of changes have the document that they ended, so the one before that tells who made it. */
export function revisionsOf(inForce: KvDocument, entries: readonly StoredEntry[]): readonly Revision[] {
  const changes = entries.filter(({ kind }) => kind !== 'halted');
  const makers = new Map(changes.map((entry) => [entry.made, entry]));
  const madeBy = (revision: string): StoredEntry | null => makers.get(revision) ?? null;
  const past = changes.map(({ ended, document }) => ({
    revision: ended,
    text: document,
    isInForce: false,
    madeBy: madeBy(ended),
  }));
  const { revision, text } = inForce;
  const now = text === null ? [] : [{ revision, text, isInForce: true, madeBy: madeBy(revision) }];
  return [...now, ...past.sort(newestFirst)];
}

function newestFirst(a: Revision, b: Revision): number {
  return Number(BigInt(b.revision) - BigInt(a.revision));
}
