import { configKey, type LayerName } from './kv-keys.ts';
import type { KvText, LayerVerdict } from './material.ts';
import type { Problem } from './problems.ts';
import type { CandidateStanding, LayerStanding } from './staged-layers.ts';

/** Of two layers the later one wins. */
export function inPrecedence(a: LayerName, b: LayerName): number {
  return rankOf(a) - rankOf(b) || (a < b ? -1 : Number(a !== b));
}

function rankOf(layer: LayerName): number {
  return layer === 'mesh' ? 0 : layer.startsWith('service/') ? 1 : 2;
}

/** What problems and the log call the document of a layer. */
export function sourceOf(layer: LayerName): string {
  return `kv:${configKey(layer)}`;
}

/** Indexes begin anew in a Consul that lost its data, so an equal revision may be another document. */
function isSame(a: KvText | undefined, b: KvText | undefined): boolean {
  return a?.revision === b?.revision && a?.text === b?.text;
}

/** What the log is told of one layer. */
export interface LayerNews {
  readonly layer: LayerName;
  /** Of the document that is in force from now on; null when that is the one before. */
  readonly applied: string | null;
  /** Empty when there is nothing wrong, or nothing new about it. */
  readonly problems: readonly Problem[];
}

/** A document that nobody could judge: it is not asked about again until there is another one. */
interface Refused {
  readonly document: KvText;
  readonly problems: readonly Problem[];
}

/**
 * The documents of all layers: the newest that Consul has shown, the staged one in its place, and the one in force.
 *
 * A document that makes the judging fail, or take too long, says nothing about who is to blame when several are new at
 * once. So new ones are then held back and shown one by one, and the one that fails alone is refused for good. Nothing
 * else waits for longer than that takes.
 */
export class LayerBook {
  private readonly newest = new Map<LayerName, KvText>();
  private readonly staged = new Map<LayerName, KvText>();
  private readonly good = new Map<LayerName, KvText>();
  private readonly refused = new Map<LayerName, Refused>();
  private readonly held = new Set<LayerName>();
  /** Those that could not be judged are judged once more. */
  private isForgiving = false;
  private readonly applied = new Map<LayerName, string | null>();
  private verdicts = new Map<LayerName, LayerVerdict>();
  private readonly said = new Map<LayerName, string>();
  /** By layer, the revision that is being judged, and the one that was judged last. */
  private trying: ReadonlyMap<LayerName, string> = new Map();
  private judged: ReadonlyMap<LayerName, string> = new Map();

  /** Replaces all that Consul has shown; the layers that are other than before. */
  show(documents: readonly KvText[]): readonly LayerName[] {
    const next = new Map(documents.map((document) => [document.layer, document]));
    const layers = new Set([...this.newest.keys(), ...next.keys()]);
    const changed = [...layers].filter((layer) => !isSame(this.newest.get(layer), next.get(layer)));
    this.newest.clear();
    for (const [layer, document] of next) this.newest.set(layer, document);
    return changed;
  }

  /** From an earlier run: in force until there is something newer. */
  recall(documents: readonly KvText[]): void {
    for (const document of documents) {
      this.newest.set(document.layer, document);
      this.good.set(document.layer, document);
    }
  }

  /** Null: the layer's own document again. */
  stage(layer: LayerName, document: KvText | null): void {
    if (document === null) this.staged.delete(layer);
    else this.staged.set(layer, document);
  }

  has(layer: LayerName): boolean {
    return this.newest.has(layer) || this.staged.has(layer) || this.good.has(layer);
  }

  /** What is to be judged, of the layers that matter. */
  material(matters: (layer: LayerName) => boolean): {
    readonly newest: readonly KvText[];
    readonly good: readonly KvText[];
  } {
    const layers = this.layers().filter(matters);
    const newest = layers.flatMap((layer) => this.tried(layer) ?? []);
    this.trying = new Map(newest.map(({ layer, revision }) => [layer, revision]));
    return { newest, good: layers.flatMap((layer) => this.good.get(layer) ?? []) };
  }

  /** Documents that nobody could judge are tried once more; they count as refused until they are judged. */
  forgive(): void {
    this.isForgiving = true;
  }

  /** The judging failed: blames a document, or begins to look for one. False: none is new, so none is to blame. */
  blame(matters: (layer: LayerName) => boolean, problemsOf: (layer: LayerName) => readonly Problem[]): boolean {
    const [first, ...others] = this.layers().filter((layer) => matters(layer) && this.isNew(layer));
    if (first === undefined) return false;
    if (others.length === 0) {
      this.isForgiving = false;
      this.refused.set(first, { document: this.wanted(first)!, problems: problemsOf(first) });
      this.held.clear();
    }
    for (const layer of others) this.held.add(layer);
    return true;
  }

  /** True: some were held back, and there is more to be judged. */
  release(): boolean {
    const isMore = this.held.size > 0;
    this.held.clear();
    return isMore;
  }

  /** What was settled is in force. Says what is new about it. */
  take(verdicts: readonly LayerVerdict[]): readonly LayerNews[] {
    this.verdicts = new Map(verdicts.map((verdict) => [verdict.layer, verdict]));
    this.judged = this.trying;
    for (const [layer, { document }] of this.refused) {
      const isJudged = this.isForgiving && !this.held.has(layer);
      if (isJudged || !isSame(this.wanted(layer), document)) this.refused.delete(layer);
    }
    if (this.held.size === 0) this.isForgiving = false;
    return this.settled().map((layer) => {
      const used = this.verdicts.get(layer)?.used ?? null;
      const applied = used !== null && used.revision !== this.appliedOf(layer) ? used.revision : null;
      // A staged document is on trial: what it replaced is what stands in for it.
      if (used !== null && !used.isCandidate) this.good.set(layer, used);
      this.applied.set(layer, used?.revision ?? null);
      return { layer, applied, problems: this.newsOf(layer) };
    });
  }

  /** Layers that were in force and would not be. */
  lostBy(verdicts: readonly LayerVerdict[]): readonly LayerVerdict[] {
    return verdicts.filter(({ layer, used }) => used === null && this.appliedOf(layer) !== null);
  }

  /** What was settled is not in force, for the sake of these layers. Says what is new about them. */
  leave(lost: readonly LayerVerdict[]): readonly LayerNews[] {
    for (const { layer, problems } of lost) {
      this.verdicts.set(layer, { layer, used: this.verdicts.get(layer)?.used ?? null, problems });
    }
    return lost.map(({ layer }) => ({ layer, applied: null, problems: this.newsOf(layer) }));
  }

  /** What became of the staged document; null: none is staged. */
  trialOf(layer: LayerName): CandidateStanding | null {
    const staged = this.staged.get(layer);
    if (staged === undefined) return null;
    const problems = this.problemsOf(layer);
    if (isSame(this.refused.get(layer)?.document, staged)) return { state: 'refused', problems };
    if (this.judged.get(layer) !== staged.revision) return { state: 'pending', problems: [] };
    const isUsed = this.appliedOf(layer) === staged.revision;
    return isUsed ? { state: 'applied', problems: [] } : { state: 'refused', problems };
  }

  standingOf(layer: LayerName): LayerStanding {
    const used = this.verdicts.get(layer)?.used ?? null;
    return { layer, seen: this.newest.get(layer)?.revision ?? null, used, problems: this.problemsOf(layer) };
  }

  /** Of the document in force, the staged one included; null when there is none. */
  appliedOf(layer: LayerName): string | null {
    return this.applied.get(layer) ?? null;
  }

  /** Of the newest that was seen. */
  seenOf(layer: LayerName): string | null {
    return (this.staged.get(layer) ?? this.newest.get(layer))?.revision ?? null;
  }

  problemsOf(layer: LayerName): readonly Problem[] {
    const refused = this.refused.get(layer);
    if (refused !== undefined && isSame(refused.document, this.wanted(layer))) return refused.problems;
    return this.verdicts.get(layer)?.problems ?? [];
  }

  /** Layers that had a part in the last settling, the weakest first. */
  settled(): readonly LayerName[] {
    return [...new Set([...this.verdicts.keys(), ...this.refused.keys()])].sort(inPrecedence);
  }

  /** For the disk. */
  inForce(): readonly KvText[] {
    return this.settled().flatMap((layer) => this.good.get(layer) ?? []);
  }

  private layers(): readonly LayerName[] {
    return [...new Set([...this.newest.keys(), ...this.staged.keys(), ...this.good.keys()])].sort(inPrecedence);
  }

  private wanted(layer: LayerName): KvText | undefined {
    return this.staged.get(layer) ?? this.newest.get(layer);
  }

  /** What is judged of the layer now. */
  private tried(layer: LayerName): KvText | undefined {
    const wanted = this.wanted(layer);
    const isRefused = !this.isForgiving && isSame(wanted, this.refused.get(layer)?.document);
    return (wanted !== undefined && isRefused) || this.held.has(layer) ? this.good.get(layer) : wanted;
  }

  /** What is wrong with it, unless that was said. */
  private newsOf(layer: LayerName): readonly Problem[] {
    const problems = this.problemsOf(layer);
    const text = JSON.stringify([this.seenOf(layer), problems]);
    const isSaid = this.said.get(layer) === text;
    this.said.set(layer, text);
    return isSaid ? [] : problems;
  }

  private isNew(layer: LayerName): boolean {
    const tried = this.tried(layer);
    return tried !== undefined && !isSame(tried, this.good.get(layer));
  }
}
