import { type Clock, Timer } from '../base/clock.ts';
import { Cell, type Watch } from '../base/watch.ts';
import type { KvDocuments } from '../discovery/kv-tree.ts';
import { countsOf, servicesOf } from './called-services.ts';
import type { Config, UpstreamConfig } from './config.ts';

import type { ConfigListener } from './config-listener.ts';
import { type ConfigCounts, ConfigTally } from './config-tally.ts';

import { FileLayer, revisionOf } from './file-layer.ts';
import type { KeptLayers } from './kept-layers.ts';
import { configKey, type LayerName, layerOfKey } from './kv-keys.ts';
import { LayerBook, type LayerNews, sourceOf } from './layer-book.ts';
import type { LayerState } from './layer-state.ts';
import type { ChainText, KvText, LayerVerdict, LocalText, Settlement, Settler } from './material.ts';
import { formatProblem, type Place, type Problem } from './problems.ts';

import { isMissing, type Patience, patienceWith, SecondLook, UNJUDGED } from './second-look.ts';
import type { CandidateStanding, LayerStanding, StagedLayers } from './staged-layers.ts';
import { unjudgeable } from './unjudgeable.ts';

/** The configuration in force in the words of the file, secrets hidden. Each may be made anew when it is read. */
export interface Explanation {
  readonly shown: Readonly<Record<string, unknown>>;
  readonly origins: ReadonlyMap<string, Place>;
}

/** A source does not call out when it fails, so it is looked at this often. */
const LOOK_MS = 1_000;
/** Services that lead to services, each by a document of its own. */
const MAX_ROUNDS = 8;
const NOTHING: Explanation = { shown: {}, origins: new Map() };
const FROM_DISK = 'from an earlier run; Consul has not answered yet';

/**
 * The configuration in force: this machine's file, the documents from Consul's KV store laid over it, one assignment.
 *
 * Everything changes at any time, and nothing waits for anything: what comes while the settler works is settled next,
 * all of it together, so that there is never more than one settling to come. The newest of every layer is tried first
 * and what is in force stands in for it; nothing that is refused leaves a trace but a problem. A document that vanishes
 * stays in force, because a wiped or lying Consul looks just like that; `{}` is the way to clear it.
 *
 * What is in force is never less by accident: a document whose file is away stays, and nothing is taken without it. What
 * may mend itself is tried again. A new file that would push a document out of force is itself refused: the document was good, and may concern more
 * than this machine.
 */
export class LiveConfig implements StagedLayers {
  readonly config: Cell<Config>;
  private readonly book = new LayerBook();
  private readonly tally: ConfigTally;
  private readonly file: FileLayer;
  private chains: readonly ChainText[] = [];
  /** Null: Consul's own config entries are not followed. */
  private entries: { readonly unreachable: string | null; problems: readonly Problem[] } | null = null;
  private explanation = NOTHING;
  private unsaidUpstream: UpstreamConfig | null = null;
  private fingerprint = '';
  /** Services whose documents matter. */
  private called: ReadonlySet<string> = new Set();
  private caller = '';
  private documents: Watch<KvDocuments> | null = null;
  private isFromDisk = false;
  private kept: KeptLayers | null = null;
  /** What the source was last heard to complain of. */
  private saidOfSource: string | null = null;
  private readonly look: Timer;
  /** What is known is other than what was settled last; this ends when it has been. */
  private next: PromiseWithResolvers<void> | null = null;
  private isSettling = false;
  /** Who is to blame for a failure is being found out. */
  private isSearching = false;
  /** The last settling failed, and nobody is to blame. */
  private isUnjudged = false;
  private readonly again: SecondLook;
  private isClosed = false;

  constructor(
    private readonly clock: Clock,
    private readonly settler: Settler,
    listener: ConfigListener,
  ) {
    this.tally = new ConfigTally(listener);
    this.file = new FileLayer(clock, this.tally);
    this.again = new SecondLook(clock, () => {
      this.book.forgive();
      void this.settleSoon();
    });
    this.config = new Cell<Config>(clock);
    this.look = new Timer({ onTimer: () => this.lookAtSource() });
  }

  // --- What it is made of ---

  /**
   * The file, as it was read. Resolves when it has been judged; true when what is wrong with it is another file, which
   * nothing follows.
   */
  async takeFile(file: LocalText): Promise<boolean> {
    this.file.newest = file;
    await this.settleSoon();
    return this.file.problems.some(isMissing);
  }

  /** The file cannot be read. */
  loseFile(problem: Problem): void {
    this.noteFile([problem]);
  }

  /** What was in force when the last run ended, until Consul has something newer. */
  async recall(kept: KeptLayers): Promise<void> {
    this.kept = kept;
    const documents = await kept.load();
    if (documents.length === 0) return;
    this.book.recall(documents);
    this.isFromDisk = true;
    await this.settleSoon();
  }

  /** The documents that concern this sidecar, now and at every change, until the signal aborts. Called once. */
  follow(documents: Watch<KvDocuments>, caller: string, signal: AbortSignal): void {
    this.caller = caller;
    this.documents = documents;
    const stop = documents.subscribe((next) => this.onDocuments(next));
    const end = (): void => {
      stop();
      this.clock.disarm(this.look);
    };
    signal.addEventListener('abort', end, { once: true });
    this.clock.arm(this.look, this.clock.now() + LOOK_MS);
  }

  /** A document on trial in the place of the layer's own; null ends the trial. */
  override(layer: LayerName, document: KvText | null): void {
    this.book.stage(layer, document);
    if (this.matters(layer)) void this.settleSoon();
  }

  /** Consul's own config entries, all that are known. `unreachable`: why some of them are not. */
  setChains(chains: readonly ChainText[], unreachable: string | null): void {
    const isNews = chains !== this.chains;
    this.chains = chains;
    this.entries = { problems: this.entries?.problems ?? [], unreachable };
    if (isNews) void this.settleSoon();
  }

  /** Resolves when what is in force is on disk. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.clock.disarm(this.look);
    this.again.end();
    await this.kept?.close();
  }

  // --- What came of it ---

  fileState(): LayerState {
    return this.file.state();
  }

  /** The layers from Consul as they stand, the weakest first; none when none are followed. */
  kvStates(): readonly LayerState[] {
    if (this.documents === null) return [];
    const { freshAt, problem } = this.documents;
    const own: readonly LayerName[] = ['mesh', `caller/${this.caller}`];
    const others = this.book.settled().filter((layer) => !own.includes(layer));
    return [own[0]!, ...others, own[1]!].map((layer) => ({
      name: configKey(layer),
      revision: this.book.appliedOf(layer),
      ageMs: freshAt === 0 ? null : this.ageOf(freshAt),
      problems: this.book.problemsOf(layer),
      unreachable: problem ?? (this.isFromDisk ? FROM_DISK : null),
    }));
  }

  /** What came of Consul's own config entries; nothing when they are not followed. */
  entryStates(): readonly LayerState[] {
    if (this.entries === null) return [];
    return [{ name: 'consul:discovery-chain', revision: null, ageMs: null, ...this.entries }];
  }

  /** Of one layer: what is in force, what was seen, and what is wrong with that. */
  layerStatus(layer: LayerName): {
    readonly applied: string | null;
    readonly seen: string | null;
    readonly problems: readonly Problem[];
  } {
    return {
      applied: this.book.appliedOf(layer),
      seen: this.book.seenOf(layer),
      problems: this.book.problemsOf(layer),
    };
  }

  candidateOf(layer: LayerName): CandidateStanding | null {
    return this.book.trialOf(layer);
  }

  standings(): readonly LayerStanding[] {
    return this.layers().map((layer) => this.book.standingOf(layer));
  }

  /** Layers that had a part in the last settling, the weakest first. */
  layers(): readonly LayerName[] {
    return this.book.settled();
  }

  /** What an upstream is of which nobody says anything; not before there is a configuration. */
  unsaid(): UpstreamConfig {
    return this.unsaidUpstream!;
  }

  explained(): Explanation {
    return this.explanation;
  }

  counted(): ConfigCounts {
    return this.tally;
  }

  // --- Settling ---

  private onDocuments({ documents }: KvDocuments): void {
    const texts = documents.flatMap(({ key, text, revision }) => {
      const layer = layerOfKey(key);
      return layer === null || text === null ? [] : [{ layer, text, revision, isCandidate: false }];
    });
    // The first answer is news even when it says what the disk said.
    const isFirst = this.isFromDisk;
    this.isFromDisk = false;
    const changed = this.book.show(texts);
    if (isFirst || changed.some((layer) => this.matters(layer))) void this.settleSoon();
  }

  private matters(layer: LayerName): boolean {
    if (!layer.startsWith('service/')) return true;
    return this.called.has(layer.slice('service/'.length));
  }

  /** Resolves when everything that was known at the time of the call has been settled. */
  private settleSoon(): Promise<void> {
    this.next ??= Promise.withResolvers();
    const { promise } = this.next;
    if (!this.isSettling) void this.settleUntilFresh();
    return promise;
  }

  private async settleUntilFresh(): Promise<void> {
    this.isSettling = true;
    // Whoever has more to tell right now is heard before the work begins.
    await Promise.resolve();
    for (let now = this.next; now !== null; now = this.next) {
      this.next = null;
      do {
        this.isSearching = false;
        await this.settleOnce();
      } while (this.isSearching && !this.isClosed);
      now.resolve();
    }
    this.isSettling = false;
    if (!this.isClosed) this.again.want(this.patience());
  }

  private async settleOnce(): Promise<void> {
    const { newest, good } = this.file;
    if (newest === null || this.isClosed || (await this.tryWith(newest))) return;
    if (good !== null && good !== newest) await this.tryWith(good);
  }

  /** When it is worth trying again though nothing has changed; null: it is not. */
  private patience(): Patience | null {
    if (this.isUnjudged) return UNJUDGED;
    return patienceWith([...this.file.problems, ...this.layers().flatMap((layer) => this.book.problemsOf(layer))]);
  }

  /** False: the file is no good. */
  private async tryWith(file: LocalText): Promise<boolean> {
    const isNew = file !== this.file.good;
    try {
      const settlement = await this.settleAll(file);
      this.tally.settled += 1;
      if (this.isClosed) return true;
      this.isUnjudged = false;
      const lost = this.book.lostBy(settlement.layers);
      // A new file may not push out of force what was good with the one before.
      const isAtOdds = isNew && this.file.good !== null && settlement.config !== null;
      const problems = isAtOdds ? lost.flatMap((one) => one.problems) : settlement.localProblems;
      if (file === this.file.newest) this.noteFile(problems);
      if (problems.length > 0 || settlement.config === null) return false;
      if (lost.length > 0) this.leave(lost);
      else this.take(settlement, settlement.config, file);
      return true;
    } catch (error) {
      this.tally.failed += 1;
      return this.isClosed || this.onFailure(file, isNew, error as Error);
    }
  }

  /** Documents of services that the configuration turns out to call are laid over it in turn. */
  private async settleAll(file: LocalText): Promise<Settlement> {
    for (let round = 1; ; round++) {
      const settlement = await this.settler.settle({
        local: file,
        ...this.book.material((layer) => this.matters(layer)),
        chains: this.chains,
        inForce: this.config.value === null ? null : countsOf(this.config.value),
      });
      if (settlement.config === null) return settlement;
      const before = this.called;
      const called = servicesOf(settlement.config);
      const isWhole = ![...called].some((service) => !before.has(service) && this.book.has(`service/${service}`));
      this.called = isWhole ? called : new Set([...before, ...called]);
      if (isWhole || round === MAX_ROUNDS) return settlement;
    }
  }

  /**
   * A document that was good needs something that is not there now, a file mostly. Without it the rest would be something
   * that nobody asked for, so nothing of it is taken.
   */
  private leave(lost: readonly LayerVerdict[]): void {
    const news = this.book.leave(lost);
    for (const one of news) this.tell(one);
    const [problem] = lost.flatMap(({ problems }) => problems);
    if (problem !== undefined) this.config.fail(formatProblem(problem));
    if (this.book.release()) this.isSearching = true;
  }

  private take(settlement: Settlement, config: Config, file: LocalText): void {
    const isNewFile = this.file.take(file);
    const news = this.book.take(settlement.layers);
    this.unsaidUpstream = settlement.unsaid;
    this.noteEntries(settlement.chainProblems);
    this.explanation = settlement;
    const isOther = settlement.fingerprint !== this.fingerprint;
    this.fingerprint = settlement.fingerprint;
    if (isOther) this.config.set(config);
    else this.config.confirm();
    if (isNewFile && isOther) this.tally.apply(file.source, revisionOf(file));
    for (const one of news) this.tell(one);
    const [problem] = [...this.file.problems, ...news.flatMap(({ layer }) => this.book.problemsOf(layer))];
    if (problem !== undefined) this.config.fail(formatProblem(problem));
    if (news.some(({ applied }) => applied !== null)) this.kept?.save(this.book.inForce());
    if (this.book.release()) this.isSearching = true;
  }

  /** The settler has nothing to say for itself, so whatever is new is to blame. */
  private onFailure(file: LocalText, isNewFile: boolean, error: Error): boolean {
    const problemOf = (source: string): readonly Problem[] => [unjudgeable(source, error.message)];
    if (isNewFile) {
      if (file === this.file.newest) this.noteFile(problemOf(file.source));
      return false;
    }
    const matters = (layer: LayerName): boolean => this.matters(layer);
    if (this.book.blame(matters, (layer) => problemOf(sourceOf(layer)))) this.isSearching = true;
    else {
      this.isUnjudged = true;
      this.config.fail(error.message);
    }
    return true;
  }

  // --- Telling ---

  private noteFile(problems: readonly Problem[]): void {
    this.file.note(problems);
    const [first] = problems;
    if (first !== undefined) this.config.fail(formatProblem(first));
  }

  private noteEntries(problems: readonly Problem[]): void {
    if (this.entries === null) return;
    const isSaid = JSON.stringify(this.entries.problems) === JSON.stringify(problems);
    this.entries.problems = problems;
    if (!isSaid && problems.length > 0) this.tally.refuse('consul:discovery-chain', problems);
  }

  private tell({ layer, applied, problems }: LayerNews): void {
    if (applied !== null) this.tally.apply(sourceOf(layer), applied);
    if (problems.length > 0) this.tally.refuse(sourceOf(layer), problems);
  }

  private lookAtSource(): void {
    const problem = this.documents?.problem ?? null;
    if (problem !== null && problem !== this.saidOfSource) this.tally.lose('kv:remora/config/', problem);
    this.saidOfSource = problem;
    this.clock.arm(this.look, this.clock.now() + LOOK_MS);
  }

  private ageOf(at: number): number {
    return Math.max(0, Math.round(this.clock.now() - at));
  }
}
