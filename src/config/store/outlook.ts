import { countsOf } from '../called-services.ts';
import type { Config } from '../config.ts';
import type { LayerName } from '../kv-keys.ts';
import type { KvText, LocalText, Material, Settlement } from '../material.ts';
import { formatPath, type Path } from '../paths.ts';
import { formatProblem, type Problem } from '../problems.ts';
import { settle } from '../settle.ts';
import type { SidecarStatus } from '../sidecar-status.ts';
import { warningsOf } from '../warnings.ts';
import { differenceOf, type FieldChange, type SubjectChange } from './difference.ts';
import { callerOf, layerDifference, serviceOf } from './documents.ts';
import { ANYBODY, unknownFile } from './unknown-file.ts';

/** What is known of the mesh: its documents, and what sidecars say of themselves. */
export interface Known {
  readonly documents: readonly KvText[];
  readonly statuses: readonly SidecarStatus[];
}

/** What a document would come to, told before anybody has it. */
export interface Outlook {
  /** What the document says otherwise than the one before. */
  readonly changes: readonly SubjectChange[];
  /** Why sidecars would refuse it. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  /** Sidecars that it is for, among those that say what they are. */
  readonly concerned: readonly SidecarStatus[];
  readonly effects: readonly Effect[];
  /** Services that somebody would call, of this datacenter, and nobody calls now. */
  readonly newServices: readonly string[];
}

/** What changes for the sidecars of one service, as far as their files do not say more. */
export interface Effect {
  readonly caller: string;
  readonly changes: readonly SubjectChange[];
  /** Values that the document says and another layer says otherwise, with that layer. */
  readonly kept: readonly string[];
}

/** Each costs two settlements. */
const MAX_CALLERS = 50;

/** Settles what each caller has now and would have, and compares. */
export function outlookOf(layer: LayerName, text: string, known: Known, wallMs: number): Outlook {
  const before = known.documents.find((document) => document.layer === layer) ?? null;
  const after: KvText = { layer, text, revision: 'new', isCandidate: false };
  const documents = [...known.documents.filter((document) => document !== before), after];
  const changes = layerDifference(layer, before?.text ?? null, text);
  const problems = new Map<string, Problem>();
  const warnings = new Set<string>();
  const effects: Effect[] = [];
  const named = serviceOf(layer);
  const newServices = new Set(before === null && named !== null ? [named] : []);

  for (const [caller, calls] of callersOf([layer], known)) {
    const local = unknownFile(caller, calls, [...known.documents, after]);
    const now = settleFor(caller, local, known.documents, known.documents, null, wallMs);
    const counts = now.config === null ? null : countsOf(now.config);
    const then = settleFor(caller, local, documents, known.documents, counts, wallMs);
    for (const problem of problemsOf(then, layer)) problems.set(formatProblem(problem), problem);
    if (now.config === null || then.config === null) continue;
    for (const service of newIn(now.config, then.config)) newServices.add(service);
    const old = warningsOf(now.config, wallMs);
    for (const line of warningsOf(then.config, wallMs)) if (!old.includes(line)) warnings.add(line);
    const isReal = caller !== ANYBODY;
    if (isReal) effects.push({ caller, changes: effectOf(now, then), kept: keptIn(then, layer, changes) });
  }
  const concerned = known.statuses.filter((status) => concerns(layer, status));
  const isCalled = (service: string): boolean => known.statuses.some(({ calls }) => calls.includes(service));
  return {
    changes,
    problems: [...problems.values()],
    warnings: [...warnings],
    concerned,
    effects,
    newServices: [...newServices].filter((service) => !isCalled(service)).sort(),
  };
}

function newIn(now: Config, then: Config): string[] {
  const before = new Set(calledIn(now));
  return calledIn(then).filter((service) => !before.has(service));
}

function calledIn({ upstreams, static: files }: Config): string[] {
  const all = [...upstreams.values()].flatMap(({ service, datacenter, failover }) => [
    ...(datacenter === null ? [service] : []),
    ...failover.flatMap((target) => (target.service !== null && target.datacenter === null ? target.service : [])),
  ]);
  return all.filter((service) => !files.has(service));
}

/** What is wrong with documents as they stand, and which of them nobody can use. */
export function flawsOf(known: Known, wallMs: number): readonly Problem[] {
  const problems = new Map<string, Problem>();
  const layers = known.documents.map(({ layer }) => layer);
  for (const [caller, calls] of callersOf(layers, known)) {
    const local = unknownFile(caller, calls, known.documents);
    const settlement = settleFor(caller, local, known.documents, [], null, wallMs);
    for (const layer of layers) {
      for (const problem of problemsOf(settlement, layer)) problems.set(formatProblem(problem), problem);
    }
  }
  return [...problems.values()];
}

/** What the sidecars of a caller have, of these documents over this file. */
export function settleFor(
  caller: string,
  local: LocalText,
  documents: readonly KvText[],
  good: readonly KvText[],
  inForce: Material['inForce'],
  wallMs: number,
): Settlement {
  const own = ({ layer }: KvText): boolean => (callerOf(layer) ?? caller) === caller;
  const material = { local, newest: documents.filter(own), good: good.filter(own), chains: [], inForce };
  return settle(material, { wallMs, readFile: (path) => `\${file:${path}}`, realPath: (path) => path });
}

export function concerns(layer: LayerName, { service, calls }: SidecarStatus): boolean {
  const called = serviceOf(layer);
  return called !== null ? calls.includes(called) : (callerOf(layer) ?? service) === service;
}

/** Whom a layer is for, and what they call. Nobody's file is known here, so the least that is known is taken. */
function callersOf(layers: readonly LayerName[], { documents, statuses }: Known): ReadonlyMap<string, Set<string>> {
  const present = (names: readonly (string | null)[]): string[] => names.filter((name) => name !== null);
  const services = present([...documents.map(({ layer }) => serviceOf(layer)), ...layers.map(serviceOf)]);
  const callers = new Map<string, Set<string>>([[ANYBODY, new Set(services)]]);
  for (const caller of present(layers.map(callerOf))) callers.set(caller, new Set(services));
  for (const status of statuses) {
    if (!layers.some((layer) => concerns(layer, status))) continue;
    const calls = callers.get(status.service) ?? new Set<string>();
    for (const name of status.calls) calls.add(name);
    if (callers.size < MAX_CALLERS) callers.set(status.service, calls);
  }
  return callers;
}

function problemsOf({ layers, localProblems }: Settlement, layer: LayerName): readonly Problem[] {
  return [...localProblems, ...(layers.find((verdict) => verdict.layer === layer)?.problems ?? [])];
}

/** Of what is new, what somebody wrote: an upstream that comes has a hundred defaults. */
function effectOf(now: Settlement, then: Settlement): readonly SubjectChange[] {
  const isWritten = ({ path }: FieldChange, subject: Path): boolean =>
    then.origins.has(formatPath([...subject, ...path]));
  return differenceOf(now.shown, then.shown, { kind: 'effective' }).map((change) => {
    if (change.kind !== 'added') return change;
    return { ...change, fields: change.fields.filter((field) => isWritten(field, change.holder)) };
  });
}

function keptIn(then: Settlement, layer: LayerName, changes: readonly SubjectChange[]): readonly string[] {
  const source = `kv:remora/config/${layer}`;
  const kept = changes.flatMap(({ holder, fields }) =>
    fields.flatMap(({ path, to }) => {
      if (to === undefined || to === null) return [];
      return effectivePaths([...holder, ...path], layer, then).flatMap((full) => {
        const place = then.origins.get(full);
        return place === undefined || place.source === source ? [] : [`${full} is that of ${place.source}`];
      });
    }),
  );
  return [...new Set(kept)];
}

/** Where a value of the document stands in the configuration. */
function effectivePaths(path: Path, layer: LayerName, { config }: Settlement): readonly string[] {
  const service = serviceOf(layer);
  const names = [...(config?.upstreams.values() ?? [])].filter(
    (upstream) => (service ?? upstream.service) === upstream.service,
  );
  const within = service !== null ? path : path[0] === 'defaults' ? path.slice(1) : null;
  if (within === null) return [formatPath(path)];
  return names.map(({ name }) => formatPath(['upstreams', name, ...within]));
}
