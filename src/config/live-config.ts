import { type Clock, Timer } from '../base/clock.ts';
import { Cell, type Watch } from '../base/watch.ts';
import type { KvDocument, KvSource } from '../discovery/kv.ts';
import type { Config } from './config.ts';
import { readKvLayer } from './kv-layer.ts';
import type { Layer } from './layers.ts';
import type { LocalConfig } from './local-config.ts';
import { formatProblem, type Problem } from './problems.ts';

/** Told what came of every document, for the log. `source` is what problems call it. */
export interface ConfigListener {
  onConfigApplied(source: string, revision: string): void;
  onConfigRefused(source: string, problems: readonly Problem[]): void;
  /** Nothing is wrong with a document: its source cannot be asked, and what is in force stays. */
  onConfigUnreachable(source: string, problem: string): void;
}

interface Candidate {
  readonly layer: Layer;
  readonly revision: string;
}

/** One layer as operators see it. */
export interface LayerState {
  readonly name: string;
  /** Of the document in force; null when none ever was. */
  readonly revision: string | null;
  /** Since its source last vouched for it; null before the first time. */
  readonly ageMs: number | null;
  /** Why the newest document is not in force; empty when it is. */
  readonly problems: readonly Problem[];
  /** Why its source cannot be asked whether there is a newer one; null when it can. */
  readonly unreachable: string | null;
}

/** A source does not call out when it fails, so it is looked at this often. */
const LOOK_MS = 1_000;

/**
 * The configuration in force: this machine's file with one document from Consul laid over it.
 *
 * Both change at any time, and neither waits for the other. The file alone serves until Consul has answered. A document
 * that is invalid, or that is at odds with the file, changes nothing; when the file changes, the newest document is
 * tried again before the last good one, since the file may have been what was wrong. A document that disappears stays
 * in force, because a wiped or lying Consul looks just like that; `{}` is the way to clear it.
 */
export class LiveConfig {
  readonly config: Cell<Config>;
  private local: LocalConfig | null = null;
  private key: string | null = null;
  /** The newest document, if it is good by itself, and the one in force. */
  private newest: Candidate | null = null;
  private good: Candidate | null = null;
  /** Of the newest document by itself, and of it together with the file. */
  private ownProblems: readonly Problem[] = [];
  private jointProblems: readonly Problem[] = [];
  private documents: Watch<KvDocument> | null = null;
  /** What the source was last heard to complain of. */
  private saidOfSource: string | null = null;
  private readonly look: Timer;
  private readonly stopLocal: () => void;

  constructor(
    private readonly clock: Clock,
    local: Watch<LocalConfig>,
    private readonly listener: ConfigListener,
  ) {
    this.config = new Cell<Config>(clock);
    this.look = new Timer({ onTimer: () => this.lookAtSource() });
    this.stopLocal = local.subscribe((next) => {
      this.local = next;
      this.combine();
    });
  }

  /** Lays the document of a key over the file, now and at every change, until the signal aborts. Called once. */
  follow(source: KvSource, key: string, signal: AbortSignal): void {
    this.key = key;
    this.documents = source.follow(key, signal);
    const stop = this.documents.subscribe((document) => this.onDocument(document));
    const end = (): void => {
      stop();
      this.clock.disarm(this.look);
    };
    signal.addEventListener('abort', end, { once: true });
    this.clock.arm(this.look, this.clock.now() + LOOK_MS);
  }

  /** The layer from Consul as it stands; null when none is followed. */
  kvState(): LayerState | null {
    if (this.key === null || this.documents === null) return null;
    const { freshAt } = this.documents;
    return {
      name: this.key,
      revision: this.good?.revision ?? null,
      ageMs: freshAt === 0 ? null : Math.max(0, Math.round(this.clock.now() - freshAt)),
      problems: this.problems,
      unreachable: this.documents.problem,
    };
  }

  close(): void {
    this.stopLocal();
    this.clock.disarm(this.look);
  }

  private get problems(): readonly Problem[] {
    return this.ownProblems.length > 0 ? this.ownProblems : this.jointProblems;
  }

  private lookAtSource(): void {
    const problem = this.documents?.problem ?? null;
    if (problem !== null && problem !== this.saidOfSource) {
      this.listener.onConfigUnreachable(`kv:${this.key}`, problem);
    }
    this.saidOfSource = problem;
    this.clock.arm(this.look, this.clock.now() + LOOK_MS);
  }

  private onDocument({ key, text, revision }: KvDocument): void {
    if (text === null) return;
    const layer = readKvLayer(key, text);
    if (Array.isArray(layer)) {
      this.newest = null;
      this.ownProblems = layer;
      this.reportProblems();
      return;
    }
    this.newest = { layer, revision };
    this.ownProblems = [];
    this.combine();
  }

  private combine(): void {
    const { local, newest, good } = this;
    if (local === null) return;
    this.jointProblems = [];
    for (const candidate of new Set([newest, good])) {
      if (candidate === null) continue;
      const config = local.under(candidate.layer);
      if (!Array.isArray(config)) {
        this.put(config, candidate);
        break;
      }
      if (this.jointProblems.length === 0) this.jointProblems = config;
    }
    // With nothing good from Consul yet, the last good is what the machine itself says.
    if (this.good === null && this.config.value !== local.config) this.config.set(local.config);
    this.reportProblems();
  }

  private put(config: Config, candidate: Candidate): void {
    const isNew = candidate !== this.good;
    this.good = candidate;
    this.config.set(config);
    if (isNew) this.listener.onConfigApplied(`kv:${this.key}`, candidate.revision);
  }

  private reportProblems(): void {
    const [first] = this.problems;
    if (first === undefined) return;
    this.config.fail(formatProblem(first));
    this.listener.onConfigRefused(`kv:${this.key}`, this.problems);
  }
}
