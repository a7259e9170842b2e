import type { LayerName } from '../../config/kv-keys.ts';
import { seal } from '../../config/seal.ts';
import { type CanaryOptions, runCanary } from './canary.ts';
import { carryOut, conflict } from './carry-out.ts';
import { EXIT, type ExitCode } from './exit.ts';
import type { Operator } from './operator.ts';
import { planText } from './plan.ts';
import { propose, readProposed, refuseInvalid } from './proposal.ts';
import { awaitSidecars } from './sidecars.ts';

export interface ApplyOptions {
  readonly layer: LayerName;
  readonly file: string;
  /** The revision that the plan was made of; null: whatever stands there. */
  readonly base: string | null;
  readonly message: string;
  readonly waitMs: number | null;
  /** Null: it is for all sidecars at once. */
  readonly canary: CanaryOptions | null;
}

/** `remora config apply`: a document in place of the one that was planned against, or not at all. */
export async function runApply(operator: Operator, options: ApplyOptions): Promise<ExitCode> {
  const { store, out } = operator;
  const { layer, file, base, message, waitMs, canary } = options;
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
  if (canary !== null) {
    const code = await runCanary(operator, { layer, base: proposal.base, text: seal(text), message }, canary);
    if (code !== EXIT.done || waitMs === null || canary.detach) return code;
    return awaitSidecars(operator, layer, (await store.layer(layer)).revision, waitMs);
  }
  return carryOut(operator, proposal, { kind: 'applied', message, waitMs });
}
