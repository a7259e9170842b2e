import { printable } from '../../admin/text-table.ts';
import type { LayerName } from '../../config/kv-keys.ts';
import { seal } from '../../config/seal.ts';
import { layerDifference, layerFlags } from '../../config/store/documents.ts';
import type { EntryKind, StoredEntry } from '../../config/store/history.ts';
import { endOf, RolloutStore } from '../../config/store/rollouts.ts';
import type { ChangeOutcome, LayerStore } from '../../config/store/store.ts';
import type { KvWrite } from '../../discovery/consul-api.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
import type { KvDocument } from '../../discovery/kv.ts';
import { adviceOn } from './advice.ts';
import { differenceText } from './difference-text.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { instant } from './history.ts';
import type { Operator } from './operator.ts';
import type { Proposal } from './proposal.ts';
import { awaitSidecars } from './sidecars.ts';

export interface Errand {
  readonly kind: EntryKind;
  readonly message: string;
  /** Null: sidecars are not waited for. */
  readonly waitMs: number | null;
}

/** Puts a document in force, and says what is true when that is over. */
export async function carryOut(operator: Operator, proposal: Proposal, errand: Errand): Promise<ExitCode> {
  const { store, clock, random, by, out } = operator;
  const { layer, base } = proposal;
  const text = seal(proposal.text);
  if (text === base.text) {
    out.write(`${layer} has this document already, as revision ${base.revision}; nothing was written\n`);
    return errand.waitMs === null ? EXIT.done : awaitSidecars(operator, layer, base.revision, errand.waitMs);
  }
  const id = [1, 2].map(() => random.uint32().toString(16).padStart(8, '0')).join('');
  const entry = { kind: errand.kind, id, atMs: clock.wallMs(), by, message: errand.message };
  const outcome = await overStaged(operator, layer, ({ also, story }) =>
    store.replace({ layer, base, text, entry: { ...entry, story }, also }),
  );
  const code = await report(operator, proposal, outcome);
  if (outcome.kind !== 'applied' || errand.waitMs === null) return code;
  return awaitSidecars(operator, layer, outcome.revision ?? (await store.layer(layer)).revision, errand.waitMs);
}

/** How often a canary may end, or begin, just when it was about to be ended. */
const TRIES = 3;

/** A canary holds on the document that it was made of, so a change of that ends it. */
async function overStaged(
  { api, store, signal, out }: Operator,
  layer: LayerName,
  change: (staged: Staged) => Promise<ChangeOutcome>,
): Promise<ChangeOutcome> {
  const rollouts = new RolloutStore(api, store, signal);
  let staged = await rollouts.of(layer);
  for (let tries = 1; ; tries++) {
    const line = staged && `ends the canary that ${staged.rollout.by} staged as revision ${staged.revision}`;
    if (line !== null) out.write(`warning: this ${printable(line)}\n`);
    const outcome = await change(staged === null ? NOTHING : { also: endOf(staged), story: [line!] });
    if (outcome.kind !== 'refused' || tries === TRIES) return outcome;
    const now = await rollouts.of(layer);
    if (now?.revision === staged?.revision) return outcome;
    staged = now;
  }
}

const NOTHING: Staged = { also: [], story: [] };

interface Staged {
  readonly also: readonly KvWrite[];
  readonly story: readonly string[];
}

async function report(operator: Operator, proposal: Proposal, outcome: ChangeOutcome): Promise<ExitCode> {
  const { out } = operator;
  const { layer, base } = proposal;
  switch (outcome.kind) {
    case 'applied':
      out.write(`applied: ${layer} is revision ${outcome.revision ?? 'that its history says'}\n`);
      return EXIT.done;
    case 'moved':
      return conflict(operator, proposal, base, outcome.now);
    case 'refused':
      out.write(`not applied: ${outcome.why}\n${adviceOn(outcome.why)}`);
      return EXIT.invalid;
    case 'unknown':
      out.write(
        `unknown: Consul did not say whether it was done (${outcome.why})\n` +
          `Either it is, or it never will be unless a server that has it comes back. What stands there:\n  remora config history ${layerFlags(layer)}\n`,
      );
      return EXIT.unknown;
  }
}

/** Says what somebody else did to the layer in the meantime. */
export async function conflict(
  operator: Operator,
  { layer }: Pick<Proposal, 'layer'>,
  base: Pick<KvDocument, 'text' | 'revision'>,
  now: KvDocument,
): Promise<ExitCode> {
  const { store, out } = operator;
  const maker = await makerOf(store, layer, now.revision);
  const who =
    maker === null ? '' : `, by ${maker.by} at ${instant(maker.atMs)}${maker.message && `: ${maker.message}`}`;
  const then = base.revision === '0' ? 'there was none' : `it was ${base.revision}`;
  const changes = layerDifference(layer, base.text, now.text);
  const words = changes.length === 0 ? 'which says the same\n' : `which says\n${differenceText(changes)}`;
  out.write(
    `not applied: ${layer} is revision ${now.revision} by now, and ${then}${printable(who)}\n${words}Nothing was written.\n`,
  );
  return EXIT.conflict;
}

/** Who it was is good to know; that it was somebody else is known without it. */
async function makerOf(store: LayerStore, layer: LayerName, revision: string): Promise<StoredEntry | null> {
  try {
    return (await store.history(layer)).find(({ made }) => made === revision) ?? null;
  } catch (error) {
    if (error instanceof ConsulError) return null;
    throw error;
  }
}
