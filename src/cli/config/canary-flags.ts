import { type Command, InvalidArgumentError, Option } from 'commander';
import { GUARD_WORDS, parseGuard } from '../../config/guards.ts';
import type { Guard } from '../../config/rollout.ts';
import { parseDuration } from '../../config/units.ts';
import type { CanaryOptions } from './canary.ts';

export interface CanaryFlags {
  /** Of 10,000. */
  readonly canary?: number;
  readonly guard: readonly Guard[];
  readonly for: number;
  readonly idleOk: boolean;
  readonly detach: boolean;
}

/** Long enough for a hundred requests nearly everywhere, and short enough to be waited for. */
const DEFAULT_FOR_MS = 120_000;
const LEAST_FOR_MS = 1_000;
const MOST_FOR_MS = 12 * 3_600_000;
/** What nearly everybody means: it is broken only by a candidate that is worse than what was there. */
const DEFAULT_GUARD: Guard = { kind: 'error_ratio', bound: 0.01 };

/** Adds how a document is tried by some sidecars before it is anybody else's. */
export function canaryFlags(command: Command): Command {
  return command
    .addOption(new Option('--canary <share>', 'a share of the sidecars first, like 10%').argParser(shareOf))
    .addOption(
      new Option('--guard <guard>', `what sends the canaries back: ${GUARD_WORDS}; may be repeated`)
        .default([] as readonly Guard[], 'error_ratio<1%')
        .argParser(guardAfter),
    )
    .addOption(
      new Option('--for <time>', 'how long canaries are judged').default(DEFAULT_FOR_MS, '2m').argParser(timeOf),
    )
    .option('--idle-ok', 'canaries with too few requests to judge by do no harm, as long as one other passed', false)
    .option('--detach', 'stage and leave; the same command again looks after it and promotes', false);
}

/** Null: the document is for all at once. */
export function canaryIn(flags: CanaryFlags, command: Command): CanaryOptions | null {
  const { canary, guard, for: forMs, idleOk, detach } = flags;
  const alone = canary === undefined ? ONLY_WITH_CANARY.find((name) => isGiven(command, name)) : undefined;
  // Whoever says by what canaries are judged does not mean to change all sidecars at once.
  if (alone !== undefined)
    command.error(`error: --${alone} says how a canary is tried: --canary <share> is needed too`);
  const guards = guard.length === 0 ? [DEFAULT_GUARD] : guard;
  return canary === undefined ? null : { share: canary, guards, forMs, idleOk, detach };
}

const ONLY_WITH_CANARY = ['guard', 'for', 'idle-ok', 'detach'] as const;

function isGiven(command: Command, flag: (typeof ONLY_WITH_CANARY)[number]): boolean {
  return command.getOptionValueSource(flag === 'idle-ok' ? 'idleOk' : flag) === 'cli';
}

function shareOf(text: string): number {
  const percent = /^[0-9]+(\.[0-9]+)?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (percent > 0 && percent <= 100) return Math.max(1, Math.round(percent * 100));
  throw new InvalidArgumentError('Expected a share such as 10%, above 0% and up to 100%.');
}

function guardAfter(text: string, before: readonly Guard[]): readonly Guard[] {
  const guard = parseGuard(text);
  if (guard === null) throw new InvalidArgumentError(`Expected ${GUARD_WORDS}.`);
  if (before.length >= 8) throw new InvalidArgumentError('Eight guards are as many as may be.');
  return [...before, guard];
}

function timeOf(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms >= LEAST_FOR_MS && ms <= MOST_FOR_MS) return ms;
  throw new InvalidArgumentError('Expected a time such as 2m, from 1s to 12h.');
}
