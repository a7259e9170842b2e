import { build } from './build.ts';
import type { Config } from './config.ts';
import { type Expanded, expand, type Source } from './expand.ts';
import { endsTooFar } from './fault-rules.ts';
import { judge } from './judge.ts';
import { type Layer, spotOf } from './layers.ts';
import { formatPath, type Path } from './paths.ts';
import { type Finding, inReadingOrder, type Place, type Problem, problemOf, type Written } from './problems.ts';

/** A problem, and which documents have a part in it. */
export interface Blame {
  readonly problem: Problem;
  /** Of the other values that a contradiction is made of, as `Place.source`. */
  readonly others: readonly string[];
  /** The value itself is wrong, whatever stands beside it. */
  readonly isOwn: boolean;
}

export interface Decision extends Expanded {
  /** Null: there is something to mend. */
  readonly config: Config | null;
  readonly blames: readonly Blame[];
}

/** What all documents say together, lowest first: a configuration, or everything that is wrong with it. */
export function decide(sources: readonly Source[], wallMs: number): Decision {
  const expanded = expand(sources);
  const { layers, merged, excess } = expanded;
  if (excess.length > 0) {
    const blames = excess.map(({ source, finding, isPart: isShared = false }) => {
      const blame = blameOf([source], finding);
      return isShared ? { ...blame, isOwn: false } : blame;
    });
    return { ...expanded, config: null, blames };
  }
  const verdict = judge(layers, merged);
  const findings = 'written' in verdict ? endsTooFar(verdict.written, wallMs) : verdict.findings;
  if ('written' in verdict && findings.length === 0) return { ...expanded, config: build(verdict.written), blames: [] };
  return { ...expanded, config: null, blames: distinct(findings.map((finding) => blameOf(layers, finding))) };
}

export function problemsOf(blames: readonly Blame[]): Problem[] {
  return inReadingOrder(blames.map(({ problem }) => problem));
}

function blameOf(layers: readonly Layer[], finding: Finding & { readonly concerns?: readonly Path[] }): Blame {
  const { place, path } = spotOf(layers, finding.path, finding.at);
  const concerns = finding.concerns ?? [];
  const over =
    path === finding.path || path[0] === 'defaults' ? null : `laid over ${formatPath(finding.path.slice(0, 2))}`;
  const hint =
    [finding.hint, over, ...flagsIn(layers, concerns, place)].filter((part) => part !== null).join('; ') || null;
  const problem = problemOf({ ...finding, path, hint }, place);
  const written = writtenIn(layers, concerns);
  const beside = written.filter((other) => other.path !== problem.path || other.source !== problem.source);
  return {
    problem: beside.length === 0 ? problem : { ...problem, beside },
    others: [...new Set(written.map(({ source }) => source))].filter((source) => source !== place.source),
    isOwn: finding.concerns === undefined && !isPart(finding),
  };
}

/** Another document may say the rest of it: what is missing, or makes a map whole. Lists have all that they have. */
function isPart({ path, found }: Finding): boolean {
  return found === 'nothing' || (found === 'a map' && !path.some((step) => typeof step === 'number'));
}

/** Where those of the values stand that somebody wrote down in a document. */
function writtenIn(layers: readonly Layer[], paths: readonly Path[]): Written[] {
  return paths.flatMap((path) => {
    const layer = layers.findLast((one) => one.place(path, 'key') !== null);
    const place = layer?.place(path, 'key') ?? null;
    return layer === undefined || place === null || place.line === null
      ? []
      : [{ ...place, path: formatPath(layer.pathIn(path)) }];
  });
}

/**
 * Two values contradict each other, and the one that is not complained about was given by a flag: the file alone would
 * be good.
 */
function flagsIn(layers: readonly Layer[], paths: readonly Path[], blamed: Place): readonly string[] {
  const wholes = paths.map((path) => layers.findLast((layer) => layer.place(path, 'value') !== null)?.whole ?? null);
  const others = wholes.flatMap((whole) =>
    whole === null || whole.source.startsWith(`${blamed.source} `) ? [] : [whole.source],
  );
  return [...new Set(others)].map((source) => `${source} has a part in it`);
}

/** What stands once for many upstreams is complained about once. */
function distinct(blames: readonly Blame[]): Blame[] {
  const said = new Set<string>();
  return blames.filter(({ problem: { source, line, column, path, found, expected } }) => {
    const text = JSON.stringify([source, line, column, path, found, expected]);
    return !said.has(text) && said.add(text);
  });
}
