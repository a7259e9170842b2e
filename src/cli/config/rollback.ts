import type { LayerName } from '../../config/kv-keys.ts';
import { unsealed } from '../../config/seal.ts';
import { NOT_EMPTIED } from '../../config/settle.ts';
import type { StoredEntry } from '../../config/store/history.ts';
import { revisionsOf } from '../../config/store/revisions.ts';
import { carryOut } from './carry-out.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';
import { planText } from './plan.ts';
import { type Proposal, propose, refuseInvalid } from './proposal.ts';

export interface RollbackOptions {
  readonly layer: LayerName;
  /** Null: the one before the one in force. */
  readonly revision: string | null;
  readonly message: string;
  readonly waitMs: number | null;
}

/** `remora config rollback`: an older document in force again, as a revision of its own. */
export async function runRollback(operator: Operator, options: RollbackOptions): Promise<ExitCode> {
  const { store, out } = operator;
  const { layer, revision, message, waitMs } = options;
  const inForce = await store.layer(layer);
  const entries = await store.history(layer);
  const revisions = revisionsOf(inForce, entries);
  const past = revisions.filter(({ isInForce }) => !isInForce);
  const wanted = revision === null ? past[0] : past.find((known) => known.revision === revision);
  if (wanted === undefined) {
    const which = revision === null ? 'no older document' : `no older revision ${revision}`;
    const known = past.length === 0 ? '' : `; there are ${past.map((one) => one.revision).join(', ')}`;
    out.write(`not applied: the history of ${layer} has ${which}${known}\n`);
    return EXIT.invalid;
  }
  if (revision === null && isCanaryLast(inForce.revision, entries)) {
    const which = `revision ${wanted.revision}`;
    out.write(
      `not applied: the newest change of ${layer} was a canary that was not taken, so what was before it is still in force; if ${which} is meant, name it\n`,
    );
    return EXIT.invalid;
  }
  const proposal = await proposeAgain(operator, layer, wanted.revision, wanted.text);
  const refused = refuseInvalid(proposal, out);
  if (refused !== null) return refused;
  out.write(planText(proposal));
  const why = `back to revision ${wanted.revision}${message === '' ? '' : `: ${message}`}`;
  return carryOut(operator, proposal, { kind: 'rolled_back', message: why, waitMs });
}

/** Whoever takes back the newest change does not mean the good one before it. */
function isCanaryLast(inForce: string, entries: readonly StoredEntry[]): boolean {
  return entries.some(({ kind, ended }) => kind === 'halted' && BigInt(ended) > BigInt(inForce));
}

/**
 * An older document as it was. Where it is from before the first route, to take all away is what is asked for, and the
 * document has to say so, or no sidecar would take it.
 */
async function proposeAgain(
  operator: Operator,
  layer: LayerName,
  revision: string,
  text: string | null,
): Promise<Proposal> {
  const source = `revision ${revision}`;
  // To have none again is to say nothing: a key that vanishes would stay in force.
  const proposal = await propose(operator, layer, source, text ?? '{}\n');
  const { problems } = proposal.outlook;
  if (problems.length === 0 || problems.some(({ expected }) => expected !== NOT_EMPTIED)) return proposal;
  return propose(operator, layer, source, allowingEmpty(text));
}

/** As text, so that comments stay. What does not fit on either way is refused as any broken document is. */
function allowingEmpty(text: string | null): string {
  const bare = unsealed(text ?? '').trimStart();
  if (bare === '') return `${ALLOWED}\n`;
  if (!bare.startsWith('{')) return `${ALLOWED}\n${bare}`;
  const rest = bare.slice(1).trimStart();
  return rest.startsWith('}') ? `${ALLOWED}\n` : `{ "allowEmpty": true, ${rest}`;
}

const ALLOWED = 'allowEmpty: true';
