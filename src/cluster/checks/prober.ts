import type { Connector } from '../../http/conduit.ts';

/**
 * What a check showed. `failed`: an answer, and not the one that was wanted. `unreachable`: no connection, or it was
 * lost.
 * `stranger`: somebody answered who is another service, or does not say. `withdrawn`: the endpoint says that it wants
 * no more requests.
 */
export const CHECK_RESULTS = ['passed', 'failed', 'unreachable', 'timeout', 'stranger', 'withdrawn'] as const;
export type CheckResult = (typeof CHECK_RESULTS)[number];

export interface Verdict {
  readonly result: CheckResult;
  /** For people: `answered 503`. */
  readonly why: string;
  /** The endpoint's own clear word, which need not be said twice. */
  readonly isFinal: boolean;
}

export const PASSED: Verdict = { result: 'passed', why: 'passed', isFinal: false };

export function failed(why: string, isFinal = false): Verdict {
  return { result: 'failed', why, isFinal };
}

export function unreachable(why: string): Verdict {
  return { result: 'unreachable', why, isFinal: false };
}

export interface ProbeOwner {
  /** Monotonic ms. */
  readonly now: number;
  /** Once, unless the probe was abandoned or could not ask; never inside `begin`. */
  onVerdict(verdict: Verdict): void;
}

/** One question on its way. It has no time limit of its own. */
export interface Probe {
  /** False: this machine, or the limit on connections, did not let it ask. Then there is no verdict. */
  readonly isAsked: boolean;
  /** Gives up the answer and its connection. Harmless after the verdict. */
  abandon(): void;
}

/** Asks one endpoint how it is, over the endpoint's own connections. */
export interface Prober {
  begin(connector: Connector, owner: ProbeOwner): Probe;
}

/** Nothing is on its way. */
export const NO_PROBE: Probe = { isAsked: false, abandon: () => undefined };

/** An answer that has it says that its endpoint wants no more requests, until checks pass again. Envoy's. */
export const WITHDRAWAL_FIELD = 'x-envoy-immediate-health-check-fail';
/** A question that has it is a health check; its value is who asks. */
export const CHECK_FIELD = 'x-remora-health-check';
/** Who it is that answers a health check. */
export const SERVICE_FIELD = 'x-remora-service';
