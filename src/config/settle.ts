import { createHash } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { countsOf } from './called-services.ts';
import { SettlingChains } from './chains/settling-chains.ts';
import { type Blame, type Decision, decide } from './decide.ts';
import { redacted } from './effective.ts';
import type { Source } from './expand.ts';
import { type KvRead, kvSource, readKvDocument } from './kv-document.ts';
import type { LayerName } from './kv-keys.ts';
import { isMap, SAME_PATH } from './layers.ts';
import { decodeLocal, type LocalConfig } from './local-config.ts';
import type { KvText, LayerVerdict, Material, Settlement } from './material.ts';
import type { FileCheck } from './named-files.ts';
import { originsOf, withoutSecrets, withReferences } from './origins.ts';
import { valueAt } from './paths.ts';
import { inReadingOrder, type Problem } from './problems.ts';
import type { RemoteSurroundings, Secrets } from './references.ts';
import { unsaidUpstream } from './unsaid-upstream.ts';

/** What settling asks of this machine. */
export interface SettleOptions {
  readonly wallMs: number;
  /** For `${file:..}`; throws when it cannot be read. */
  readFile?(path: string): string;
  /** Follows every link; throws when there is no such file. */
  realPath?(path: string): string;
  /** For files that are named and opened later; none are looked for without it. */
  readonly checkFile?: FileCheck;
  /** Whether `shown` and `origins` are wanted, which cost as much as all the rest; they are unless it says no. */
  readonly isExplained?: boolean;
}

/** Of one document; the rest of them is rarely read, and must not fill a log. */
const MAX_PROBLEMS = 50;
/** Documents taken back for the sake of others that are tried once more; each costs one more judging. */
const MAX_RETRIES = 32;
/** What is expected of a document that is refused for what it takes away, and for nothing else. */
export const NOT_EMPTIED = 'some of them, or allowEmpty: true';

/**
 * Settles what all documents say together: the configuration, which document of each layer is in it, and why a newer one
 * is not. Pure but for the files that references name: the same material gives the same settlement, in whatever order
 * it arrived.
 *
 * Each layer has a newest document, the one in force, and none, in this order. All begin with the first that can be
 * read. While they are not a configuration, documents that have a part in what is wrong are taken back to the next:
 * changed ones before those in force, and of two that contradict each other the one that is complained about. What is
 * left at the end is the file alone, which is good or the program has not started. Consul's own config entries lie below
 * everything and give way first. Then every document that was taken
 * back for the sake of others is tried once more, since those others may be gone by now.
 */
export function settle(material: Material, options: SettleOptions): Settlement {
  const { wallMs, readFile = readTextFile, realPath = realPathOf, checkFile } = options;
  const local = decodeLocal({
    ...material.local,
    readFile,
    wallMs: () => wallMs,
    ...(checkFile === undefined ? {} : { checkFile }),
  });
  if (Array.isArray(local)) return unsettled(local);
  const surroundings = { env: material.local.env, readFile, realPath, secrets: secretsIn(local.merged) };
  return new Settling(material, local, surroundings, wallMs).run(options.isExplained ?? true);
}

/** One layer on its way: its documents, the newest first, and which of them is tried. */
interface Place {
  readonly layer: LayerName;
  readonly choices: readonly Choice[];
  /** Into `choices`; at their end: none is used. */
  at: number;
  problems: readonly Problem[];
  /** Nothing that others say can make its newest good. */
  isHopeless: boolean;
}

interface Choice {
  readonly kv: KvText;
  readonly read: KvRead;
  /** It is not what is in force. */
  readonly isChange: boolean;
}

class Settling {
  private readonly places: readonly Place[];
  private readonly chains: SettlingChains;
  /** What references of documents stand for, and how they are written. */
  private readonly resolved = new Map<string, string>();

  constructor(
    private readonly material: Material,
    private readonly local: LocalConfig,
    private readonly surroundings: RemoteSurroundings,
    private readonly wallMs: number,
  ) {
    this.chains = new SettlingChains(material.chains);
    const layers = new Set([...material.newest, ...material.good].map(({ layer }) => layer));
    this.places = [...layers].sort(inPrecedence).map((layer) => this.placeOf(layer));
  }

  run(isExplained: boolean): Settlement {
    let decision = this.decide();
    while (decision.config === null && this.chains.drop(decision.blames)) decision = this.decide();
    while (decision.config === null && this.takeBack(decision.blames)) decision = this.decide();
    if (decision.config === null && this.chains.dropAll()) decision = this.decide();
    decision = this.refuseEmpty(decision);
    decision = this.tryAgain(decision);
    const { config, layers, merged } = decision;
    const shown = isExplained && config !== null ? withReferences(redacted(config), layers, this.resolved) : {};
    return {
      config,
      unsaid: config === null ? null : unsaidUpstream(valueAt(merged, ['defaults'])),
      localProblems: [],
      layers: this.places.map((place) => this.verdictOf(place)),
      chainProblems: this.chains.problems(),
      shown,
      origins: isExplained ? originsOf(shown, layers) : new Map(),
      fingerprint: fingerprintOf(merged),
    };
  }

  private placeOf(layer: LayerName): Place {
    const newest = this.material.newest.find((kv) => kv.layer === layer);
    const good = this.material.good.find((kv) => kv.layer === layer);
    const choices: Choice[] = [];
    let problems: readonly Problem[] = newest === undefined && good !== undefined ? [vanished(good)] : [];
    for (const kv of new Set([newest, good])) {
      if (kv === undefined || choices.some((choice) => choice.kv.text === kv.text)) continue;
      const isChange = kv.text !== good?.text;
      const read = readKvDocument(kv, this.surroundings, this.resolved);
      const flaws = Array.isArray(read) ? read : isChange ? this.flawsOf(kv, read) : [];
      if (!Array.isArray(read) && flaws.length === 0) choices.push({ kv, read, isChange });
      else if (problems.length === 0 && choices.length === 0) problems = flaws; // what is replaced may be as bad as it likes
    }
    return { layer, choices, at: 0, problems, isHopeless: problems.length > 0 };
  }

  /**
   * What is wrong with a document whatever stands beside it, even where a higher one hides it: what one sidecar takes,
   * all others should. A service that is not called here is looked at as if it were.
   */
  private flawsOf(kv: KvText, { source }: KvRead): Problem[] {
    const { service } = source;
    if (this.isOnTop(kv.layer)) return []; // nothing hides it
    // There may be hundreds for services, and the file may call all of them: of it, only what there has to be.
    const beside = service === null ? this.local.below : [...this.local.below.map(bare), standIn(service)];
    const { blames } = decide([...beside, source], this.wallMs);
    return blames.flatMap(({ problem, isOwn }) => (isOwn && problem.source === kvSource(kv) ? [problem] : []));
  }

  private isOnTop(layer: LayerName): boolean {
    const others = [...this.material.newest, ...this.material.good].filter((other) => other.layer !== layer);
    const isHidden = this.local.above.length > 0 || others.some((other) => inPrecedence(other.layer, layer) > 0);
    return !isHidden && !layer.startsWith('service/');
  }

  private decide(): Decision {
    const sources = this.places.flatMap((place) => place.choices[place.at]?.read.source ?? []);
    return decide([...this.chains.sources(), ...this.local.below, ...sources, ...this.local.above], this.wallMs);
  }

  /** Moves at least one document back; false when there is none left. */
  private takeBack(blames: readonly Blame[]): boolean {
    const used = this.places.filter(({ at, choices }) => at < choices.length);
    const changed = used.filter(({ at, choices }) => choices[at]!.isChange);
    for (const candidates of [changed, used]) {
      const guilty = guiltyAmong(candidates, blames);
      // Nothing says whose fault it is: the most particular first, which concerns the fewest.
      const last = candidates.at(-1);
      if (guilty.size === 0 && last !== undefined) guilty.set(last, [...blames]);
      for (const [place, own] of guilty) moveBack(place, own);
      if (guilty.size > 0) return true;
    }
    return false;
  }

  /**
   * Changes that would leave nothing where there was something are taken back, but for those that mean it: the fewest,
   * from the most particular on, which are found by halves since each try is a judging.
   */
  private refuseEmpty(decision: Decision): Decision {
    if (!this.isEmptied(decision)) return decision;
    const before = this.places.map(({ at }) => at);
    const careless = this.places.toReversed().filter(({ choices, at }) => {
      const choice = choices[at];
      return choice?.isChange === true && !choice.read.allowsEmpty;
    });
    const without = (count: number): Decision | null => {
      for (const [i, place] of this.places.entries()) {
        const taken = careless.indexOf(place);
        place.at = before[i]! + Number(taken !== -1 && taken < count);
      }
      const next = this.decide();
      return next.config === null || this.isEmptied(next) ? null : next;
    };
    let [few, enough] = [0, careless.length];
    if (enough === 0 || without(enough) === null) {
      // It is this machine's own file that says so, or somebody means it.
      for (const [i, place] of this.places.entries()) place.at = before[i]!;
      return decision;
    }
    while (enough - few > 1) {
      const middle = (few + enough) >> 1;
      if (without(middle) === null) few = middle;
      else enough = middle;
    }
    for (const place of careless.slice(0, enough)) {
      const at = before[this.places.indexOf(place)]!;
      place.problems = [...place.problems, emptying(place.choices[at]!.kv)];
    }
    return without(enough)!;
  }

  private isEmptied({ config }: Decision): boolean {
    const { inForce } = this.material;
    if (config === null || inForce === null) return false;
    const { upstreams, routes } = countsOf(config);
    return (upstreams === 0 && inForce.upstreams > 0) || (routes === 0 && inForce.routes > 0);
  }

  /** Until none comes back: one that does may be what another waited for. */
  private tryAgain(decision: Decision): Decision {
    let best = decision;
    let tries = MAX_RETRIES;
    for (let isBetter = true; isBetter; ) {
      isBetter = false;
      for (const place of this.places) {
        const last = place.isHopeless ? 0 : Math.min(place.at, tries);
        for (let at = 0; at < last && place.at > at; at++) {
          tries -= 1;
          const next = this.decideWith(place, at);
          if (next === null) continue;
          best = next;
          isBetter = true;
        }
      }
    }
    return best;
  }

  /** Null, and nothing is changed: that would be no configuration. */
  private decideWith(place: Place, at: number): Decision | null {
    const before = place.at;
    place.at = at;
    const next = this.decide();
    if (next.config !== null && !this.isEmptied(next)) {
      if (at === 0) place.problems = [];
      return next;
    }
    place.at = before;
    return null;
  }

  private verdictOf({ layer, choices, at, problems }: Place): LayerVerdict {
    const used = choices[at]?.kv ?? null;
    return {
      layer,
      used,
      problems: inReadingOrder(problems)
        .slice(0, MAX_PROBLEMS)
        .map((one) => this.hidden(one)),
    };
  }

  /** A contradiction may quote a value that stands elsewhere. */
  private hidden(problem: Problem): Problem {
    const hide = (text: string): string => withoutSecrets(text, this.resolved);
    const { found, expected, hint } = problem;
    return { ...problem, found: hide(found), expected: hide(expected), hint: hint === null ? null : hide(hint) };
  }
}

/** Those that are complained about; where none of them may be moved, those that have a part in it. */
function guiltyAmong(candidates: readonly Place[], blames: readonly Blame[]): Map<Place, Blame[]> {
  const bySource = new Map(candidates.map((place) => [kvSource(place.choices[place.at]!.kv), place]));
  const guilty = new Map<Place, Blame[]>();
  for (const blame of blames) {
    const others = blame.others.flatMap((source) => bySource.get(source) ?? []);
    const place =
      bySource.get(blame.problem.source) ?? others.toSorted((a, b) => inPrecedence(a.layer, b.layer)).at(-1);
    if (place !== undefined) guilty.set(place, [...(guilty.get(place) ?? []), blame]);
  }
  return guilty;
}

function moveBack(place: Place, blames: readonly Blame[]): void {
  const source = kvSource(place.choices[place.at]!.kv);
  if (place.problems.length === 0) place.problems = blames.map(({ problem }) => problem);
  if (place.at === 0) place.isHopeless ||= blames.some(({ problem, isOwn }) => isOwn && problem.source === source);
  place.at += 1;
}

function standIn(service: string): Source {
  const value = { upstreams: { [service]: {} } };
  return { value, written: value, place: () => null, whole: null, pathIn: SAME_PATH, service: null };
}

/** What no configuration goes without. */
function bare(source: Source): Source {
  const only = (value: unknown): unknown => {
    const service = valueAt(value, ['service']);
    return service === undefined ? {} : { service };
  };
  return { ...source, value: only(source.value), written: only(source.written) };
}

const RANK = { mesh: 0, service: 1, caller: 2 } as const;

/** The general before the particular, as they lie over one another. */
function inPrecedence(a: LayerName, b: LayerName): number {
  const rank = rankOf(a) - rankOf(b);
  return rank !== 0 ? rank : a < b ? -1 : a > b ? 1 : 0;
}

function rankOf(layer: LayerName): number {
  return layer === 'mesh' ? RANK.mesh : layer.startsWith('service/') ? RANK.service : RANK.caller;
}

function vanished(kv: KvText): Problem {
  return {
    ...whole(kv),
    found: 'no such key any more',
    expected: 'a document',
    hint: 'the last good one stays in force; write {} to clear it',
  };
}

function emptying(kv: KvText): Problem {
  return {
    ...whole(kv),
    found: 'a document that leaves no upstream, or no route, where there were some',
    expected: NOT_EMPTIED,
    hint: 'the last good one stays in force',
  };
}

function whole(kv: KvText): Pick<Problem, 'source' | 'line' | 'column' | 'path'> {
  return { source: kvSource(kv), line: 1, column: 1, path: '' };
}

function secretsIn(merged: unknown): Secrets {
  const dir = valueAt(merged, ['secrets', 'dir']);
  const allowEnv = valueAt(merged, ['secrets', 'allowEnv']);
  return {
    dir: typeof dir === 'string' ? dir : null,
    allowEnv: Array.isArray(allowEnv) ? allowEnv.filter((name) => typeof name === 'string') : [],
  };
}

/** Not to be shown: whoever guesses a short secret could tell by it that the guess is right. */
function fingerprintOf(merged: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(merged)))
    .digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function unsettled(localProblems: readonly Problem[]): Settlement {
  return {
    config: null,
    unsaid: null,
    localProblems,
    layers: [],
    chainProblems: [],
    shown: {},
    origins: new Map(),
    fingerprint: '',
  };
}

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}

function realPathOf(path: string): string {
  return realpathSync(path);
}
