import type { LayerName } from '../../config/kv-keys.ts';
import { revisionsOf } from '../../config/store/revisions.ts';
import { carryOut } from './carry-out.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';
import { planText } from './plan.ts';
import { propose, refuseInvalid } from './proposal.ts';

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
  const revisions = revisionsOf(await store.layer(layer), await store.history(layer));
  const past = revisions.filter(({ isInForce }) => !isInForce);
  const wanted = revision === null ? past[0] : past.find((known) => known.revision === revision);
  if (wanted === undefined) {
    const which = revision === null ? 'no older document' : `no older revision ${revision}`;
    const known = past.length === 0 ? '' : `; there are ${past.map((one) => one.revision).join(', ')}`;
    out.write(`not applied: the history of ${layer} has ${which}${known}\n`);
    return EXIT.invalid;
  }
  // To have none again is to say nothing: a key that vanishes would stay in force.
  const text = wanted.text ?? '{}\n';
  const proposal = await propose(operator, layer, `revision ${wanted.revision}`, text);
  const refused = refuseInvalid(proposal, out);
  if (refused !== null) return refused;
  out.write(planText(proposal));
  const why = `back to revision ${wanted.revision}${message === '' ? '' : `: ${message}`}`;
  return carryOut(operator, proposal, { kind: 'rolled_back', message: why, waitMs });
}
