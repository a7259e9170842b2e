import type { Verdict } from '../rollout.ts';
import { isInShare } from '../rollouts.ts';
import type { SidecarStatus } from '../sidecar-status.ts';
import { concerns } from './outlook.ts';
import type { StagedRollout } from './rollouts.ts';
import { nameOf } from './statuses.ts';

/** What one canary says of the candidate; null: nothing yet. */
export interface Canary {
  readonly sidecar: string;
  readonly verdict: Verdict | null;
}

export type Course =
  | { readonly kind: 'running' }
  | { readonly kind: 'passed' }
  /** Nobody is to have it, and why. */
  | { readonly kind: 'halted'; readonly why: string };

/** A verdict is written within so long: what `HeldKey` spreads and what it waits between two writes. */
export const VERDICT_LAG_MS = 12_000;

/** Sidecars in the share that are there now. */
export function canariesOf({ rollout }: StagedRollout, statuses: readonly SidecarStatus[]): readonly Canary[] {
  return statuses
    .filter((status) => concerns(rollout.layer, status) && isInShare(rollout, status.service, status.instance))
    .map((status) => {
      const verdict = status.verdicts.find(({ seed }) => seed === rollout.seed) ?? null;
      return { sidecar: nameOf(status), verdict };
    });
}

/**
 * What is to be done about a rollout, as of now. Every canary has to pass; one with too few requests to judge by has
 * not, unless `idleOk` says that it is enough when one other has.
 */
export function courseOf(staged: StagedRollout, canaries: readonly Canary[], idleOk: boolean, wallMs: number): Course {
  const { rollout, objections } = staged;
  const [objection] = objections;
  if (objection !== undefined) return { kind: 'halted', why: `${objection.sidecar}: ${objection.why}` };
  const bad = canaries.find(({ verdict }) => verdict?.kind === 'broken' || verdict?.kind === 'refused');
  if (bad !== undefined) return { kind: 'halted', why: `${bad.sidecar}: ${bad.verdict!.why}` };
  const open = canaries.filter(({ verdict }) => verdict?.kind !== 'passed');
  const isAnyPassed = open.length < canaries.length;
  const isOver = wallMs >= rollout.startedAtMs + rollout.forMs;
  if (isOver && isAnyPassed && open.length === 0) return { kind: 'passed' };
  if (wallMs < rollout.startedAtMs + rollout.forMs + VERDICT_LAG_MS) return { kind: 'running' };
  if (idleOk && isAnyPassed) return { kind: 'passed' };
  const names = open.slice(0, 5).map(({ sidecar, verdict }) => `${sidecar} (${verdict?.why ?? 'no verdict'})`);
  const why = canaries.length === 0 ? 'no sidecar ran it' : `not judged by ${names.join(', ')}`;
  return { kind: 'halted', why };
}
