import { type Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Watch } from '../base/watch.ts';
import { judge } from '../config/guards.ts';
import { type LayerName, layerOf, OBJECTION_PREFIX, ROLLOUT_PREFIX } from '../config/kv-keys.ts';
import type { KvText } from '../config/material.ts';
import { formatProblem } from '../config/problems.ts';
import type { Objection, Rollout, Verdict } from '../config/rollout.ts';
import { decodeObjections, decodeRollout } from '../config/rollout-text.ts';
import { type Part, Rollouts } from '../config/rollouts.ts';
import type { StagedLayers } from '../config/staged-layers.ts';
import type { KvDocument } from '../discovery/kv.ts';
import type { KvDocuments } from '../discovery/kv-tree.ts';
import type { Traffic } from '../telemetry/traffic-tally.ts';
import type { Objections } from './objections.ts';
import type { Concerned, TrafficHistory } from './traffic-history.ts';

/** What the sidecar that takes part is, and what it has to do with. */
export interface Participant {
  readonly service: string;
  readonly instance: string;
  /** Services that it calls, with the upstreams that lead to each. */
  calls(): ReadonlyMap<string, ReadonlySet<string>>;
}

interface Trial {
  readonly rollout: Rollout;
  verdict: Verdict;
  /** The candidate has been put in the place of the layer's document, whatever came of that. */
  isPut: boolean;
  /** Null: the candidate is not in force yet. */
  measure: { readonly before: Traffic; readonly mark: Traffic } | null;
}

/** More than one rollout of each layer there cannot be. */
const MAX_STAGED = 64;
const LOOK_MS = 500;

/**
 * This sidecar's part in changes that are staged: runs their candidates as `Rollouts` decides, judges each by its own
 * traffic, and objects to one that is refused or breaks a guard.
 *
 * It looks when something changed in KV, and twice a second while anything is staged: time is one of the things that
 * end a candidate, so nobody has to be alive for that.
 */
export class Canaries {
  /** Rollouts that cannot be read, in words. */
  problems: readonly string[] = [];
  private readonly rollouts: Rollouts;
  private readonly trials = new Map<string, Trial>();
  private readonly timer: Timer;
  private staged: readonly Rollout[] = [];
  /** By seed, of the keys that stage them. */
  private revisions: ReadonlyMap<string, string> = new Map();
  private objections: readonly Objection[] = [];
  /** Ran by a process of this name that crashed. */
  private former: ReadonlySet<string> = new Set();
  private hasSeen = false;
  private isLooking = false;

  constructor(
    private readonly self: Participant,
    private readonly layers: StagedLayers,
    private readonly traffic: TrafficHistory,
    private readonly own: Objections,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {
    this.rollouts = new Rollouts(self.service, self.instance);
    this.timer = new Timer({ onTimer: () => this.look() });
  }

  /** Candidates by which a process of this name may have come to its end: they are objected to and not taken up. */
  recall(seeds: ReadonlySet<string>): void {
    this.former = seeds;
  }

  /** `documents`: all below `remora/rollout/`. */
  follow(documents: Watch<KvDocuments>, signal: AbortSignal): void {
    const stop = documents.subscribe(({ documents }) => this.take(documents));
    const end = (): void => {
      stop();
      this.clock.disarm(this.timer);
    };
    signal.addEventListener('abort', end, { once: true });
  }

  /** Of rollouts whose share this sidecar is in. */
  verdicts(): readonly Verdict[] {
    return [...this.trials.values()].map(({ verdict }) => verdict);
  }

  /** The seed of the rollout whose candidate is in force. */
  candidateOf(layer: LayerName): string | null {
    for (const { rollout, measure } of this.trials.values()) {
      if (rollout.layer === layer && measure !== null) return rollout.seed;
    }
    return null;
  }

  /** The configuration has changed: what was waited for may be there. */
  look(): void {
    // To put a candidate in force may be told of before `override` returns.
    if (!this.hasSeen || this.isLooking) return;
    this.isLooking = true;
    try {
      this.lookOnce();
    } finally {
      this.isLooking = false;
    }
    if (this.staged.length > 0 || this.trials.size > 0) this.clock.arm(this.timer, this.clock.now() + LOOK_MS);
  }

  private take(documents: readonly KvDocument[]): void {
    const problems: string[] = [];
    const staged: Rollout[] = [];
    const revisions = new Map<string, string>();
    const objections: Objection[] = [];
    for (const { key, text, revision } of documents) {
      if (text === null || key.endsWith('/')) continue;
      const layer = layerOf(key.slice(ROLLOUT_PREFIX.length));
      if (key.startsWith(OBJECTION_PREFIX)) objections.push(...decodeObjections(text));
      else if (layer !== null && staged.length < MAX_STAGED) {
        try {
          const rollout = decodeRollout(layer, text);
          staged.push(rollout);
          revisions.set(rollout.seed, revision);
        } catch (error) {
          problems.push(`kv:${key}: ${(error as Error).message}`);
        }
      }
    }
    this.staged = staged;
    this.revisions = revisions;
    this.objections = objections;
    this.problems = problems;
    this.hasSeen = true;
    this.look();
  }

  private lookOnce(): void {
    const { clock, staged, objections } = this;
    const standings = new Map(this.layers.standings().map((standing) => [standing.layer, standing]));
    const calls = this.self.calls();
    const parts = this.rollouts.look({
      staged,
      objections,
      revisionOf: (layer) => standings.get(layer)?.seen ?? '0',
      concerns: (layer) => layer === 'mesh' || standings.has(layer) || calls.has(serviceOf(layer) ?? ''),
      now: clock.now(),
      wallMs: clock.wallMs(),
    });
    const seeds = new Set(parts.map(({ rollout }) => rollout.seed));
    for (const [seed, trial] of this.trials) {
      if (seeds.has(seed)) continue;
      this.stop(trial, 'it is gone');
      this.trials.delete(seed);
    }
    for (const part of parts) this.tend(part, this.trialOf(part.rollout));
    this.own.keepOnly(new Set(staged.map(({ seed }) => seed)));
  }

  private trialOf(rollout: Rollout): Trial {
    const known = this.trials.get(rollout.seed);
    if (known !== undefined) return known;
    const trial: Trial = { rollout, verdict: running(rollout.seed, 0, 'not begun'), isPut: false, measure: null };
    this.trials.set(rollout.seed, trial);
    return trial;
  }

  private tend(part: Part, trial: Trial): void {
    const { rollout } = part;
    if (!part.isRunning) return this.stop(trial, part.why);
    if (this.former.has(rollout.seed)) return this.object(trial, 'broken', 0, CRASHED);
    if (!trial.isPut) {
      trial.isPut = true;
      this.layers.override(rollout.layer, this.candidate(rollout));
    }
    const standing = this.layers.candidateOf(rollout.layer);
    if (standing?.state === 'refused') {
      const why = standing.problems.map(formatProblem).slice(0, 3).join('; ');
      return this.object(trial, 'refused', 0, why);
    }
    if (standing?.state !== 'applied') return;
    const concerned = this.concerned(rollout.layer);
    if (trial.measure === null) {
      trial.measure = { before: this.traffic.recent(concerned), mark: this.traffic.mark(concerned) };
      this.log.info('candidate_taken', { layer: rollout.layer, seed: rollout.seed });
    }
    const during = this.traffic.since(trial.measure.mark, concerned);
    const { kind, why } = judge(rollout.guards, trial.measure.before, during, part.isJudged);
    if (kind === 'broken') return this.object(trial, kind, during.requests, why);
    trial.verdict = { seed: rollout.seed, kind, requests: during.requests, why };
  }

  /** Back to the layer's own document. Doing it twice is doing it once. */
  private stop(trial: Trial, why: string): void {
    const { rollout, measure, verdict } = trial;
    if (trial.isPut) this.layers.override(rollout.layer, null);
    trial.isPut = false;
    if (measure !== null) this.log.warn('candidate_left', { layer: rollout.layer, seed: rollout.seed, why });
    trial.measure = null;
    // What was found out about it stays true.
    if (verdict.kind === 'running') trial.verdict = running(rollout.seed, verdict.requests, why);
  }

  private object(trial: Trial, kind: Objection['kind'], requests: number, why: string): void {
    const { seed, layer } = trial.rollout;
    trial.verdict = { seed, kind, requests, why };
    this.rollouts.leave(seed, why);
    this.stop(trial, why);
    this.own.raise({ seed, layer, kind, requests, why, atMs: this.clock.wallMs() });
  }

  private candidate({ layer, candidate, seed }: Rollout): KvText {
    return { layer, text: candidate, revision: this.revisions.get(seed) ?? '0', isCandidate: true };
  }

  private concerned(layer: LayerName): Concerned {
    const service = serviceOf(layer);
    return service === null ? null : (this.self.calls().get(service) ?? new Set());
  }
}

const CRASHED = 'the sidecar ended without a farewell while it ran the candidate';

function running(seed: string, requests: number, why: string): Verdict {
  return { seed, kind: 'running', requests, why };
}

function serviceOf(layer: LayerName): string | null {
  return layer.startsWith('service/') ? layer.slice('service/'.length) : null;
}
