import { printable, textTable } from '../../admin/text-table.ts';
import type { LayerName } from '../../config/kv-keys.ts';
import { layerDifference } from '../../config/store/documents.ts';
import type { StoredEntry } from '../../config/store/history.ts';
import { type Revision, revisionsOf } from '../../config/store/revisions.ts';
import { RolloutStore, whyOver } from '../../config/store/rollouts.ts';
import { summaryOf } from './difference-text.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';

/** One line of the story of a layer. */
interface Event {
  readonly revision: string;
  readonly atMs: number | null;
  readonly kind: string;
  readonly by: string;
  readonly message: string;
  readonly summary: string;
  readonly story: readonly string[];
}

/**
 * `remora config history`: what became of a layer, newest first. Documents and canaries that came to nothing are told
 * in one line of time.
 */
export async function runHistory(
  operator: Operator,
  layer: LayerName,
  { json }: { readonly json: boolean },
): Promise<ExitCode> {
  const { store, out } = operator;
  const entries = await store.history(layer);
  const staged = await stagedIn(operator, layer);
  const events = [...staged, ...eventsOf(layer, revisionsOf(await store.layer(layer), entries), entries)];
  if (json) out.write(`${JSON.stringify({ layer, events }, null, 2)}\n`);
  else out.write(events.length === 0 ? `${layer} has never been written\n` : eventsText(events));
  return EXIT.done;
}

/** The canary that is under way, if there is one, and who objects to it. */
async function stagedIn({ api, store, signal, clock }: Operator, layer: LayerName): Promise<readonly Event[]> {
  const { staged, unreadable } = await new RolloutStore(api, store, signal).all();
  const event = { atMs: null, by: '', summary: '', story: [] };
  const broken = unreadable.find((one) => one.layer === layer);
  if (broken !== undefined) {
    return [{ ...event, revision: broken.revision, kind: 'canary, not readable', message: broken.why }];
  }
  const found = staged.find(({ rollout }) => rollout.layer === layer);
  if (found === undefined) return [];
  const { rollout, revision, objections } = found;
  const { share, base, startedAtMs, untilMs, by, candidate } = rollout;
  const over = whyOver(found, clock.wallMs());
  const kind = over === null ? 'canary, under way' : `canary, over: ${over}`;
  const message = `for ${share / 100} % of the sidecars, over revision ${base}, until ${instant(untilMs)}`;
  const summary = summaryOf(layerDifference(layer, (await store.layer(layer)).text, candidate));
  const story = objections.slice(0, MAX_OBJECTIONS).map((one) => `${one.sidecar} ${one.kind}: ${one.why}`);
  return [{ revision, atMs: startedAtMs, kind, by, message, summary, story }];
}

const MAX_OBJECTIONS = 20;

function eventsOf(layer: LayerName, revisions: readonly Revision[], entries: readonly StoredEntry[]): readonly Event[] {
  const documents = revisions
    .filter(({ text }) => text !== null)
    .map((revision, i): Event => {
      const { madeBy, isInForce } = revision;
      const older = revisions[i + 1];
      const isKnown = older !== undefined && madeBy !== null;
      return {
        revision: revision.revision,
        atMs: madeBy?.atMs ?? null,
        kind: `${madeBy?.kind ?? 'written by hand, or before the history'}${isInForce ? ', in force' : ''}`,
        by: madeBy?.by ?? '',
        message: madeBy?.message ?? '',
        summary: isKnown ? summaryOf(layerDifference(layer, older.text, revision.text)) : '',
        story: madeBy?.story ?? [],
      };
    });
  const halted = entries
    .filter(({ kind }) => kind === 'halted')
    .map(({ ended, atMs, by, message, story }): Event => {
      return { revision: ended, atMs, kind: 'canary that was not taken', by, message, summary: '', story };
    });
  return [...documents, ...halted].sort((a, b) => Number(BigInt(b.revision) - BigInt(a.revision)));
}

function eventsText(events: readonly Event[]): string {
  return events
    .map(({ revision, atMs, kind, by, message, summary, story }) => {
      const head = textTable([[revision, atMs === null ? '-' : instant(atMs), kind, by]], '');
      const lines = [message, summary, ...story].filter((line) => line !== '');
      return head + lines.map((line) => `    ${printable(line)}\n`).join('');
    })
    .join('');
}

/** `2026-11-23 04:31:07Z` */
export function instant(ms: number): string {
  // Whoever may write to the history may write any number there.
  if (Number.isNaN(new Date(ms).getTime())) return 'at no time there is';
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
