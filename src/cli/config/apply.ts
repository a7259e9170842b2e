import type { LayerName } from '../../config/kv-keys.ts';
import { carryOut, conflict } from './carry-out.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';
import { planText } from './plan.ts';
import { propose, readProposed, refuseInvalid } from './proposal.ts';

export interface ApplyOptions {
  readonly layer: LayerName;
  readonly file: string;
  /** The revision that the plan was made of; null: whatever stands there. */
  readonly base: string | null;
  readonly message: string;
  readonly waitMs: number | null;
}

/** `remora config apply`: a document in place of the one that was planned against, or not at all. */
export async function runApply(operator: Operator, options: ApplyOptions): Promise<ExitCode> {
  const { store, out } = operator;
  const { layer, file, base, message, waitMs } = options;
  const text = readProposed(file, out);
  if (text === null) return EXIT.invalid;
  const proposal = await propose(operator, layer, file, text);
  const refused = refuseInvalid(proposal, out);
  if (refused !== null) return refused;
  if (base !== null && base !== proposal.base.revision) {
    const then = (await store.history(layer)).find(({ ended, kind }) => ended === base && kind !== 'halted');
    return conflict(operator, { layer }, { revision: base, text: then?.document ?? null }, proposal.base);
  }
  out.write(planText(proposal));
  return carryOut(operator, proposal, { kind: 'applied', message, waitMs });
}
