import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { FallbackOptions } from '../policy/fallback.ts';
import { type FaultOptions, type Faults, NO_FAULTS } from '../policy/fault.ts';
import { FaultList } from '../policy/fault-list.ts';
import { Fallbacks, type FindPlan } from '../proxy/fallback.ts';
import { type Fallback, NO_FALLBACK, type Plan } from '../proxy/plan.ts';
import { RequestMatch } from '../route/request-match.ts';

/**
 * The declared upstreams by name, as the shared port knows them: a fallback to another finds its plan of the moment
 * when it is needed.
 */
export class PlanDirectory {
  private declared: ReadonlyMap<string, { readonly plan: Plan }> = new Map();

  readonly find: FindPlan = (upstream) => this.declared.get(upstream)?.plan ?? null;

  replace(declared: ReadonlyMap<string, { readonly plan: Plan }>): void {
    this.declared = declared;
  }
}

/** The faults of a plan. What counted before goes on counting, and what was in force goes on to its own end. */
export function makeFaults(
  options: readonly FaultOptions[],
  upstream: string,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  before: Faults,
): Faults {
  const known = before instanceof FaultList ? before : null;
  if (options.length === 0 && known === null) return NO_FAULTS;
  const [now, wallMs] = [clock.now(), clock.wallMs()];
  const faults = new FaultList(options, ({ match }) => new RequestMatch(match), { now, wallMs }, known);
  const inForce = faults.inForce(now);
  const isNews = !isDeepStrictEqual(
    inForce.map((fault) => fault.options),
    before.inForce(now).map((fault) => fault.options),
  );
  if (isNews) {
    for (const fault of inForce) log.warn('fault_in_force', { upstream, fault: faultWords(fault.options) });
    if (inForce.length === 0) log.info('faults_over', { upstream });
  }
  return faults;
}

/** What was kept stays where the options are the same. */
export function makeFallback(options: FallbackOptions | null, findPlan: FindPlan, before: Fallback | null): Fallback {
  return options === null ? NO_FALLBACK : new Fallbacks(options, findPlan, before);
}

/** One fault in a line, for logs and operators. */
export function faultWords({ effect, share, untilMs }: FaultOptions): string {
  const percent = share >= 10_000 ? '' : ` of ${share / 100} % of requests`;
  return `${effectWords(effect)}${percent} until ${new Date(untilMs).toISOString()}`;
}

function effectWords(effect: FaultOptions['effect']): string {
  switch (effect.kind) {
    case 'delay':
      return effect.header === null ? `delay ${effect.delayMs}ms` : `delay as ${effect.header} says`;
    case 'abort':
      return `abort with ${effect.status}`;
    case 'reset':
      return 'reset';
    case 'bandwidth':
      return `bandwidth ${effect.bytesPerSecond} bytes/s`;
  }
}
