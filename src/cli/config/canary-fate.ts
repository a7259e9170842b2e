import type { HistoryEntry, StoredEntry } from '../../config/store/history.ts';
import type { StagedRollout } from '../../config/store/rollouts.ts';
import type { LayerStore } from '../../config/store/store.ts';
import { EXIT, type ExitCode } from './exit.ts';

/** What a rollout came to, and how the command that looked after it ends. */
export interface Fate {
  readonly code: ExitCode;
  readonly line: string;
}

/** What this command has tried to end a rollout with. An answer may be lost and the entry be there all the same. */
export interface OwnEnd {
  readonly entry: HistoryEntry;
  readonly code: ExitCode;
}

/**
 * What became of a rollout that stands no more. Somebody else may have promoted it or taken it back, or it was this
 * command, which had no answer: the history knows, since whatever ends a rollout writes there in the same instant.
 */
export async function fateOf(store: LayerStore, gone: StagedRollout, own: readonly OwnEnd[]): Promise<Fate> {
  const { layer, base, candidate } = gone.rollout;
  const entries = await store.history(layer);
  const halted = entries.find(({ kind, ended }) => kind === 'halted' && ended === gone.revision);
  if (halted !== undefined) return haltedBy(halted, own);
  const next = entries.find(({ kind, ended }) => kind !== 'halted' && ended === base);
  if (next === undefined) {
    return { code: EXIT.conflict, line: 'somebody has deleted the rollout, and every sidecar goes back by itself' };
  }
  const { by, made, message } = next;
  const now = await store.layer(layer);
  const text = now.revision === made ? now.text : (entries.find(({ ended }) => ended === made)?.document ?? null);
  if (next.kind === 'promoted' && text === candidate) {
    return { code: EXIT.done, line: `promoted by ${by}: ${layer} is at revision ${made} for all sidecars` };
  }
  const why = message === '' ? '' : `: ${message}`;
  return { code: EXIT.conflict, line: `not promoted: ${by} has changed ${layer} meanwhile, to revision ${made}${why}` };
}

function haltedBy({ id, by, story }: StoredEntry, own: readonly OwnEnd[]): Fate {
  const mine = own.find(({ entry }) => entry.id === id);
  const why = story.at(-1) ?? 'nobody said why';
  if (mine !== undefined) return { code: mine.code, line: `not promoted: ${why}` };
  return { code: EXIT.refused, line: `not promoted: ${by} has ended the rollout: ${why}` };
}
