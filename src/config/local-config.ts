import { readFileSync } from 'node:fs';
import type { Config } from './config.ts';
import { decide, problemsOf } from './decide.ts';
import { readDocument } from './document.ts';
import { type Environment, environmentLayer } from './environment.ts';
import type { Source } from './expand.ts';
import { flagLayer } from './flags.ts';
import { isMap, type Layer, merge, mergeLayers, placeOf, SAME_PATH } from './layers.ts';
import { type FileCheck, namedFileFindings } from './named-files.ts';
import { formatPath } from './paths.ts';
import { describe, type Finding, inReadingOrder, type Problem, problemOf } from './problems.ts';
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

/** What this machine says, good by itself: its file over its environment, and its flags, which lie over everything. */
export interface LocalConfig {
  readonly config: Config;
  readonly merged: unknown;
  readonly below: readonly Source[];
  readonly above: readonly Source[];
}

export function decodeLocal(sources: LocalSources): LocalConfig | Problem[] {
  const document = readDocument(sources.text, sources.source);
  if (Array.isArray(document)) return document;
  const surroundings = { env: sources.env, readFile: sources.readFile ?? readTextFile };
  const findings: Finding[] = [...document.findings];
  const isSaid = (finding: Finding): boolean =>
    findings.some((other) => formatPath(other.path) === formatPath(finding.path));
  findings.push(...[...emptyKeys(document.value), ...misplaced(document.value)].filter((finding) => !isSaid(finding)));
  const value = resolveReferences(document.value, surroundings, findings);
  const file: Layer = { value, written: document.value, place: document.place, whole: null, pathIn: SAME_PATH };
  const problems = findings.map((finding) => problemOf(finding, placeOf([file], finding.path, finding.at)));

  const flags: Layer[] = [];
  for (const text of sources.set) {
    const flag = flagLayer(text, surroundings);
    if (Array.isArray(flag)) problems.push(...flag);
    else flags.push(flag);
  }

  const below = [environmentLayer(sources.env, merge(value, mergeLayers(flags))), file].map(ofFile);
  const above = flags.map(ofFile);
  const { config, layers, merged, blames } = decide(
    [...below, ...above],
    sources.wallMs?.() ?? Number.POSITIVE_INFINITY,
  );
  const missing = sources.checkFile === undefined ? [] : namedFileFindings(merged, sources.checkFile);
  const later = [
    ...problemsOf(blames),
    ...missing.map((finding) => problemOf(finding, placeOf(layers, finding.path, finding.at))),
  ];
  problems.push(...later.filter((problem) => !isAbout(problem, problems)));
  return problems.length > 0 || config === null ? inReadingOrder(problems) : { config, merged, below, above };
}

/** For callers that have nothing but a text: tests, simulations, tools. */
export function parseConfig(text: string, sources: Partial<LocalSources> = {}): Config | Problem[] {
  const local = decodeLocal({ source: 'remora.yaml', env: {}, set: [], ...sources, text });
  return Array.isArray(local) ? local : local.config;
}

/** A layer in the shape of the file. */
function ofFile(layer: Layer): Source {
  return { ...layer, service: null };
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

/** A file is nobody's slip in another place: what it takes away, it takes away. */
function misplaced(value: unknown): Finding[] {
  if (!isMap(value) || !('allowEmpty' in value)) return [];
  const hint = 'it is for documents from Consul';
  return [{ path: ['allowEmpty'], at: 'key', found: 'allowEmpty in a file', expected: 'no such key here', hint }];
}

/** One value is complained about once. */
function isAbout({ source, path }: Problem, said: readonly Problem[]): boolean {
  return said.some((other) => other.path === path && other.source === source);
}

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}
