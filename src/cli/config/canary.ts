import { durationWords, printable } from '../../admin/text-table.ts';
import { sleep } from '../../base/sleep.ts';
import { formatGuard } from '../../config/guards.ts';
import { type LayerName, rolloutKey } from '../../config/kv-keys.ts';
import type { Guard, Rollout } from '../../config/rollout.ts';
import { encodeRollout } from '../../config/rollout-text.ts';
import { type Canary, canariesOf, courseOf } from '../../config/store/canary-course.ts';
import { layerFlags } from '../../config/store/documents.ts';
import type { EntryKind, HistoryEntry } from '../../config/store/history.ts';
import { concerns } from '../../config/store/outlook.ts';
import { endOf, RolloutStore, type StagedRollout, whyOver } from '../../config/store/rollouts.ts';
import { drawShare } from '../../config/store/share.ts';
import { nameOf, readStatuses } from '../../config/store/statuses.ts';
import { LayerStore } from '../../config/store/store.ts';
import { ConsulError } from '../../discovery/consul-error.ts';
import type { KvDocument } from '../../discovery/kv.ts';
import { randomHex } from '../../http/hex.ts';
import { adviceOn } from './advice.ts';
import { type Fate, fateOf, type OwnEnd } from './canary-fate.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { instant } from './history.ts';
import type { Operator } from './operator.ts';

export interface CanaryOptions {
  /** Of 10,000. */
  readonly share: number;
  readonly guards: readonly Guard[];
  readonly forMs: number;
  readonly idleOk: boolean;
  readonly detach: boolean;
}

/** A document that is good, as far as can be told before anybody runs it. */
export interface Proposal {
  readonly layer: LayerName;
  /** What it was made of. */
  readonly base: KvDocument;
  /** As it will stand in Consul. */
  readonly text: string;
  readonly message: string;
}

/** From the end of judging to the end of the rollout: for the last verdicts to be written, and the promotion. */
const PROMOTION_MS = 60_000;
const LOOK_MS = 1_000;
/** For the farewell of who is interrupted. */
const FAREWELL_MS = 5_000;
/** Consul takes no larger value. */
const MAX_VALUE_BYTES = 512 * 1024;

/**
 * `remora config apply --canary`: stages a document, watches the sidecars that run it, and promotes it or takes it
 * back. Whatever becomes of this command, no sidecar runs the candidate for longer than the rollout says.
 */
export async function runCanary(operator: Operator, proposal: Proposal, options: CanaryOptions): Promise<ExitCode> {
  const begun = await begin(operator, proposal, options);
  if (typeof begun === 'number') return begun;
  if (options.detach) {
    say(operator, 'staged; the same command without --detach looks after it and promotes it');
    return EXIT.done;
  }
  return new CanaryWatch(operator, proposal, options, begun).run();
}

/** The rollout that is to be looked after, or how the command ends without one. */
async function begin(operator: Operator, proposal: Proposal, options: CanaryOptions): Promise<Rollout | ExitCode> {
  const { api, store, clock, random, signal, by } = operator;
  const rollouts = new RolloutStore(api, store, signal);
  const staging = await rollouts.all();
  const { staged, unreadable } = staging;
  const other = staged.find(({ rollout }) => rollout.layer === proposal.layer);
  let over = unreadable.find(({ layer }) => layer === proposal.layer)?.revision ?? '0';
  if (other !== undefined) {
    const why = whyOver(other, clock.wallMs());
    if (why === null && other.rollout.candidate === proposal.text && other.rollout.base === proposal.base.revision) {
      say(operator, `this very document is staged already, by ${other.rollout.by}`);
      return other.rollout;
    }
    if (why === null) {
      say(operator, `${proposal.layer} has another document staged: ${rolloutWords(other, clock.wallMs())}`);
      return EXIT.conflict;
    }
    say(operator, `the document that was staged before went back: ${why}`);
    const entry = entryOf(operator, 'halted', other.rollout, '', [...storyOf(other), why]);
    if (!(await rollouts.archive(other, entry))) {
      say(operator, `${proposal.layer} was changed this very moment; nothing was staged, try again`);
      return EXIT.conflict;
    }
    over = '0';
  }
  await rollouts.sweep(staging);

  const { known } = await readStatuses(store);
  const concerned = known.filter((status) => concerns(proposal.layer, status));
  if (concerned.length === 0) {
    say(operator, `no sidecar that ${proposal.layer} is for says what it runs, so none can go first`);
    return EXIT.invalid;
  }
  const { seed, share, canaries } = drawShare(options.share, concerned, random);
  const startedAtMs = clock.wallMs();
  const { layer, base, text } = proposal;
  const { guards, forMs } = options;
  const untilMs = startedAtMs + forMs + PROMOTION_MS;
  const rollout = { layer, base: base.revision, candidate: text, share, seed, guards, forMs, startedAtMs, untilMs, by };
  if (Buffer.byteLength(encodeRollout(rollout)) > MAX_VALUE_BYTES) {
    say(operator, `a document that is staged has room for ${MAX_VALUE_BYTES} bytes, and this one has more`);
    return EXIT.invalid;
  }
  const isStaged = await stageIt(operator, rollouts, rollout, over);
  if (typeof isStaged === 'number') return isStaged;
  if (!isStaged) {
    say(operator, `${layer} has had another document staged this very moment`);
    return EXIT.conflict;
  }
  const names = canaries.slice(0, 5).map(nameOf).join(', ');
  const more = canaries.length > 5 ? ` and ${canaries.length - 5} more` : '';
  say(operator, `${canaries.length} of ${concerned.length} sidecars go first: ${names}${more}`);
  say(operator, `judged for ${durationWords(forMs)} by ${guards.map(formatGuard).join(', ')}`);
  return rollout;
}

/** Whether it stands there now, or how the command ends without knowing. */
async function stageIt(
  operator: Operator,
  rollouts: RolloutStore,
  rollout: Rollout,
  over: string,
): Promise<boolean | ExitCode> {
  try {
    return await rollouts.stage(rollout, over);
  } catch (error) {
    if (!(error instanceof ConsulError)) throw error;
    if (error.isLasting) {
      operator.out.write(`not staged: ${error.message}\n${adviceOn(error.message)}`);
      return EXIT.invalid;
    }
    say(operator, `it is not known whether it was staged: ${error.message}`);
    say(operator, `if it was, canaries go back by ${instant(rollout.untilMs)}; the same command looks after them`);
    return EXIT.unknown;
  }
}

/** One rollout, from here to its end. */
class CanaryWatch {
  private readonly rollouts: RolloutStore;
  private readonly said = new Map<string, string>();
  /** All that were there, with what they last said. */
  private readonly canaries = new Map<string, Canary>();
  private readonly ownEnds: OwnEnd[] = [];
  /** As it stood when it was last seen. */
  private staged: StagedRollout | null = null;

  constructor(
    private readonly operator: Operator,
    private readonly proposal: Proposal,
    private readonly options: CanaryOptions,
    private readonly rollout: Rollout,
  ) {
    this.rollouts = new RolloutStore(operator.api, operator.store, operator.signal);
  }

  async run(): Promise<ExitCode> {
    const { clock, signal } = this.operator;
    while (!signal.aborted) {
      try {
        const code = await this.look();
        if (code !== null) return code;
      } catch (error) {
        if (!(error instanceof ConsulError)) throw error;
        if (signal.aborted) break;
        this.note('consul', `Consul cannot be asked: ${error.message}`);
        if (clock.wallMs() >= this.rollout.untilMs) {
          say(this.operator, 'the time of the rollout is over, and every sidecar has gone back by itself');
          return EXIT.unknown;
        }
      }
      await sleep(clock, LOOK_MS, signal);
    }
    return this.withdraw();
  }

  /** Null: it goes on. */
  private async look(): Promise<ExitCode | null> {
    const { operator, rollout } = this;
    const staged = await this.rollouts.of(rollout.layer);
    if (staged?.rollout.seed !== rollout.seed) return this.tellFate(operator.store);
    this.staged = staged;
    if (staged.layerRevision !== rollout.base) {
      return this.halt(staged, `${rollout.layer} was changed meanwhile, to ${staged.layerRevision}`, EXIT.conflict);
    }
    const canaries = this.remember(canariesOf(staged, (await readStatuses(operator.store)).known));
    const wallMs = operator.clock.wallMs();
    if (wallMs >= rollout.untilMs) return this.halt(staged, 'its time was over before it was promoted', EXIT.refused);
    const course = courseOf(staged, canaries, this.options.idleOk, wallMs);
    if (course.kind === 'halted') return this.halt(staged, course.why, EXIT.refused);
    return course.kind === 'running' ? null : this.promote(staged, canaries);
  }

  /** A candidate may be what ends a sidecar, so one that was there and is gone has not passed, unless it had. */
  private remember(present: readonly Canary[]): readonly Canary[] {
    const gone = new Map(this.canaries);
    for (const canary of present) {
      const { sidecar, verdict } = canary;
      gone.delete(sidecar);
      this.canaries.set(sidecar, canary);
      if (verdict !== null) this.note(sidecar, `${sidecar} ${verdict.kind}: ${verdict.why}`);
    }
    const { seed } = this.rollout;
    const missing = [...gone.values()].map(({ sidecar, verdict }): Canary => {
      if (verdict !== null && verdict.kind !== 'running') return { sidecar, verdict };
      this.note(sidecar, `${sidecar} has no status any more`);
      const why = 'it was there and has no status any more';
      return { sidecar, verdict: { seed, kind: 'running', requests: verdict?.requests ?? 0, why } };
    });
    return [...present, ...missing];
  }

  private async promote(staged: StagedRollout, canaries: readonly Canary[]): Promise<ExitCode> {
    const { operator, proposal, rollout } = this;
    const told = canaries.map(({ sidecar, verdict }) => `${sidecar} ${verdict?.kind}: ${verdict?.why}`);
    const story = [...storyOf(staged), ...told];
    const { document: _document, ...entry } = entryOf(operator, 'promoted', rollout, proposal.message, story);
    const { layer, base, text } = proposal;
    const outcome = await operator.store.replace({ layer, base, text, entry, also: endOf(staged) });
    switch (outcome.kind) {
      case 'applied':
        say(operator, `promoted: ${layer} is at revision ${outcome.revision ?? 'unknown'} for all sidecars`);
        return EXIT.done;
      case 'moved':
        return this.halt(staged, `${layer} was changed meanwhile, to ${outcome.now.revision}`, EXIT.conflict);
      case 'refused':
        return this.halt(staged, `Consul refused the promotion: ${outcome.why}`, EXIT.refused);
      case 'unknown':
        say(operator, `it is not known whether it was promoted: ${outcome.why}`);
        say(operator, `if it was not, every sidecar goes back by itself: remora config history ${layerFlags(layer)}`);
        return EXIT.unknown;
    }
  }

  private async halt(staged: StagedRollout, why: string, code: ExitCode): Promise<ExitCode> {
    const { operator, rollout, proposal } = this;
    const entry = entryOf(operator, 'halted', rollout, proposal.message, [...storyOf(staged), why]);
    this.ownEnds.push({ entry, code });
    if (!(await this.rollouts.archive(staged, entry))) return this.tellFate(operator.store);
    say(operator, `not promoted: ${why}`);
    return code;
  }

  /** It stands no more, and what that means is in the history. */
  private async tellFate(store: LayerStore): Promise<ExitCode> {
    const { code, line } = this.staged === null ? GONE_BEFORE : await fateOf(store, this.staged, this.ownEnds);
    say(this.operator, line);
    return code;
  }

  /** Interrupted: nothing is left running, as far as Consul can still be told. */
  private async withdraw(): Promise<ExitCode> {
    const { operator, rollout } = this;
    const { api, clock, by } = operator;
    const limit = new AbortController();
    const done = new AbortController();
    void sleep(clock, FAREWELL_MS, done.signal).then(() => limit.abort());
    try {
      const store = new LayerStore(api, clock, limit.signal);
      const rollouts = new RolloutStore(api, store, limit.signal);
      const staged = await rollouts.of(rollout.layer);
      if (staged?.rollout.seed !== rollout.seed) return await this.tellFate(store);
      this.staged = staged;
      const story = [...storyOf(staged), `interrupted by ${by}`];
      const entry = entryOf(operator, 'halted', rollout, this.proposal.message, story);
      if (!(await rollouts.archive(staged, entry))) return await this.tellFate(store);
      say(operator, 'interrupted: the rollout is taken back');
    } catch (error) {
      if (!(error instanceof ConsulError)) throw error;
      say(operator, `interrupted, and Consul could not be told (${error.message}): sidecars go back by themselves`);
    } finally {
      done.abort();
    }
    return EXIT.refused;
  }

  /** Once for each thing that there is to say. */
  private note(about: string, line: string): void {
    if (this.said.get(about) === line) return;
    this.said.set(about, line);
    say(this.operator, `  ${line}`);
  }
}

const GONE_BEFORE: Fate = { code: EXIT.conflict, line: 'the rollout was ended before it was looked at' };

function entryOf(
  { random, clock, by }: Operator,
  kind: EntryKind,
  rollout: Rollout,
  message: string,
  story: readonly string[],
): HistoryEntry {
  return { kind, id: randomHex(random, 32), document: rollout.candidate, atMs: clock.wallMs(), by, message, story };
}

function storyOf({ rollout, objections }: StagedRollout): readonly string[] {
  const { by, share, guards, forMs, startedAtMs } = rollout;
  const terms = `${share / 100} % of the sidecars for ${durationWords(forMs)}, ${guards.map(formatGuard).join(', ')}`;
  return [
    `staged by ${by} at ${instant(startedAtMs)}: ${terms}`,
    ...objections.map(({ sidecar, kind, why }) => `${sidecar} ${kind}: ${why}`),
  ];
}

/** One line about a rollout that stands, for `status` and for whoever comes second. */
export function rolloutWords(staged: StagedRollout, wallMs: number): string {
  const { rollout } = staged;
  const { by, share, untilMs, startedAtMs } = rollout;
  const why = whyOver(staged, wallMs);
  const since = durationWords(Math.max(0, wallMs - startedAtMs));
  const rest = why === null ? `${durationWords(untilMs - wallMs)} to go` : `over: ${why}`;
  return `${share / 100} % of the sidecars, staged by ${by} ${since} ago, ${rest} (${rolloutKey(rollout.layer)})`;
}

function say({ out }: Operator, line: string): void {
  out.write(`${printable(line)}\n`);
}
