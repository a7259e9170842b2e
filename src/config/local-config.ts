import { readFileSync } from 'node:fs';
import { build } from './build.ts';
import type { Config } from './config.ts';
import { readDocument } from './document.ts';
import { type Environment, environmentLayer } from './environment.ts';
import { endsTooFar } from './fault-rules.ts';
import { flagLayer } from './flags.ts';
import { judge } from './judge.ts';
import { type Layer, merge, mergeLayers, placeOf } from './layers.ts';
import { type FileCheck, namedFileFindings } from './named-files.ts';
import { formatPath, type Path } from './paths.ts';
import {
  describe,
  type Finding,
  inReadingOrder,
  type Place,
  type Problem,
  problemOf,
  type Written,
} from './problems.ts';
import { resolveReferences } from './references.ts';

export interface LocalSources {
  /** What problems call the file. */
  readonly source: string;
  readonly text: string;
  readonly env: Environment;
  /** `path=value`, as given to `--set`. */
  readonly set: readonly string[];
  /** For `${file:..}`; throws when it cannot be read. */
  readFile?(path: string): string;
  /** For files that are named and opened later; none are looked for without it. */
  readonly checkFile?: FileCheck;
  /** In ms since 1970, for what must end soon; without it nothing is too late. */
  wallMs?(): number;
}

/**
 * What this machine says of the configuration: its file over its environment, under its flags. Valid by itself, so that
 * the sidecar can serve with Consul away; documents from Consul are laid between the file and the flags.
 */
export class LocalConfig {
  constructor(
    readonly config: Config,
    /** Equal for equal settings, however they are spelt. */
    readonly fingerprint: string,
    private readonly below: readonly Layer[],
    private readonly above: readonly Layer[],
    private readonly wallMs: () => number,
  ) {}

  /** The configuration with one more layer, or why that cannot be. */
  under(layer: Layer): Config | Problem[] {
    return decide([...this.below, layer, ...this.above], this.wallMs());
  }
}

export function decodeLocal(sources: LocalSources): LocalConfig | Problem[] {
  const document = readDocument(sources.text, sources.source);
  if (Array.isArray(document)) return document;
  const surroundings = { env: sources.env, readFile: sources.readFile ?? readTextFile };
  const findings: Finding[] = [...document.findings];
  const isSaid = (finding: Finding): boolean =>
    findings.some((other) => formatPath(other.path) === formatPath(finding.path));
  findings.push(...emptyKeys(document.value).filter((finding) => !isSaid(finding)));
  const value = resolveReferences(document.value, surroundings, findings);
  const file: Layer = { value, written: document.value, place: document.place, whole: null };
  const problems = findings.map((finding) => problemOf(finding, placeOf([file], finding.path, finding.at)));

  const flags: Layer[] = [];
  for (const text of sources.set) {
    const flag = flagLayer(text, surroundings);
    if (Array.isArray(flag)) problems.push(...flag);
    else flags.push(flag);
  }

  const below = [environmentLayer(sources.env, merge(value, mergeLayers(flags))), file];
  const layers = [...below, ...flags];
  const merged = mergeLayers(layers);
  const wallMs = sources.wallMs ?? (() => Number.POSITIVE_INFINITY);
  const config = decide(layers, wallMs());
  const missing = sources.checkFile === undefined ? [] : namedFileFindings(merged, sources.checkFile);
  const later = [
    ...(Array.isArray(config) ? config : []),
    ...missing.map((finding) => problemOf(finding, placeOf(layers, finding.path, finding.at))),
  ];
  problems.push(...later.filter((problem) => !isAbout(problem, problems)));
  if (problems.length > 0 || Array.isArray(config)) return inReadingOrder(problems);
  return new LocalConfig(config, JSON.stringify(merged), below, flags, wallMs);
}

/** For callers that have nothing but a text: tests, simulations, tools. */
export function parseConfig(text: string, sources: Partial<LocalSources> = {}): Config | Problem[] {
  const local = decodeLocal({ source: 'remora.yaml', env: {}, set: [], ...sources, text });
  return Array.isArray(local) ? local : local.config;
}

function decide(layers: readonly Layer[], wallMs: number): Config | Problem[] {
  const verdict = judge(layers);
  const findings = 'written' in verdict ? endsTooFar(verdict.written, wallMs) : verdict.findings;
  if ('written' in verdict && findings.length === 0) return build(verdict.written);
  return inReadingOrder(
    findings.map((finding) => {
      const place = placeOf(layers, finding.path, finding.at);
      const concerns = 'concerns' in finding ? finding.concerns : [];
      const blamed = flagsIn(layers, concerns, place);
      const hint = [finding.hint, ...blamed].filter((part) => part !== null).join('; ') || null;
      const problem = problemOf({ ...finding, hint }, place);
      const beside = writtenIn(layers, concerns).filter(({ path }) => path !== problem.path);
      return beside.length === 0 ? problem : { ...problem, beside };
    }),
  );
}

/** Where those of the values stand that somebody wrote down in a document. */
function writtenIn(layers: readonly Layer[], paths: readonly Path[]): Written[] {
  return paths.flatMap((path) => {
    const place = layers.findLast((layer) => layer.place(path, 'key') !== null)?.place(path, 'key') ?? null;
    return place === null || place.line === null ? [] : [{ ...place, path: formatPath(path) }];
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

/**
 * A key with nothing behind it is a slip, or a template that found no value. To leave a thing out, its key is left out.
 */
function emptyKeys(value: unknown, path: (string | number)[] = []): Finding[] {
  if (value === null) {
    const hint = path.length === 0 ? null : 'leave the key out, or write {} for an empty map';
    return [
      {
        path,
        at: path.length === 0 ? 'value' : 'key',
        found: describe(null),
        expected: path.length === 0 ? 'a map' : 'a value',
        hint,
      },
    ];
  }
  if (typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => emptyKeys(item, [...path, index]));
  return Object.entries(value).flatMap(([key, inner]) => emptyKeys(inner, [...path, key]));
}

/** One value is complained about once. */
function isAbout({ source, path }: Problem, said: readonly Problem[]): boolean {
  return said.some((other) => other.path === path && other.source === source);
}

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}
