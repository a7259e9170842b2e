import { readDocument } from './document.ts';
import type { Source } from './expand.ts';
import { configKey, rolloutKey } from './kv-keys.ts';
import { isMap, SAME_PATH } from './layers.ts';
import type { KvText } from './material.ts';
import { holds, type Path } from './paths.ts';
import { describe, type Finding, inReadingOrder, type Problem, problemOf } from './problems.ts';
import { type RemoteSurroundings, resolveRemote } from './references.ts';
import { refuseLocal } from './scope.ts';
import { sealFlaw } from './seal.ts';

/** What Consul holds in one value. */
const MAX_KV_CHARACTERS = 524_288;

/** One document of Consul's KV store, good as far as it can be judged by itself. */
export interface KvRead {
  readonly source: Source;
  /** It may take away every upstream or route. */
  readonly allowsEmpty: boolean;
}

/** What problems call a document. */
export function kvSource({ layer, isCandidate }: Pick<KvText, 'layer' | 'isCandidate'>): string {
  return `kv:${isCandidate ? rolloutKey(layer) : configKey(layer)}`;
}

/**
 * Reads one document, YAML or JSON, whole or not at all: it speaks of `mesh` settings only, and refers only to what this
 * machine lets it refer to. Whether its values are right shows when it is laid over the others. `resolved` is told the
 * texts that its references stand for.
 */
export function readKvDocument(
  kv: KvText,
  surroundings: RemoteSurroundings,
  resolved: Map<string, string>,
): KvRead | Problem[] {
  const name = kvSource(kv);
  const here = { source: name, line: 1, column: 1 };
  const flaw = sealFlaw(kv.text);
  if (flaw !== null) {
    const hint = 'it was cut short, or changed by hand: apply it again, or take the line out';
    return [{ ...here, path: '', found: flaw, expected: 'the whole text', hint }];
  }
  const document = readDocument(kv.text, name, MAX_KV_CHARACTERS);
  if (Array.isArray(document)) return document;
  const { value: written, place } = document;
  const service = kv.layer.startsWith('service/') ? kv.layer.slice('service/'.length) : null;
  const findings: Finding[] = [...document.findings, ...flawsOf(written, service)];
  const value = resolveRemote(written, surroundings, findings, resolved);
  if (findings.length > 0) {
    return inReadingOrder(findings.map((finding) => problemOf(finding, place(finding.path, finding.at) ?? here)));
  }
  const source: Source = {
    value: withoutGuard(value),
    written: withoutGuard(written),
    place,
    whole: null,
    pathIn: SAME_PATH,
    service,
  };
  return { source, allowsEmpty: isMap(written) && written['allowEmpty'] === true };
}

function flawsOf(written: unknown, service: string | null): Finding[] {
  const guard = isMap(written) ? written['allowEmpty'] : undefined;
  const guardFlaw: Finding[] =
    guard === undefined || typeof guard === 'boolean'
      ? []
      : [{ path: ['allowEmpty'], at: 'value', found: describe(guard), expected: 'true or false', hint: null }];
  if (service === null) return [...refuseLocal(written), ...guardFlaw];
  const root: Path = ['upstreams', service];
  const local = refuseLocal(written, root).map((finding) => ({
    ...finding,
    path: holds(root, finding.path) ? finding.path.slice(root.length) : finding.path,
  }));
  return [...local, ...guardFlaw, ...renamed(written)];
}

/** The document is found by the service's name, and would change whom it is for. */
function renamed(written: unknown): Finding[] {
  if (!isMap(written) || !('service' in written)) return [];
  const hint = 'the key of the document says which service it is for';
  return [{ path: ['service'], at: 'key', found: 'the name of a service', expected: 'how it is called', hint }];
}

/** It speaks of the document and not of the sidecar. */
function withoutGuard(value: unknown): unknown {
  if (!isMap(value)) return value;
  const { allowEmpty: _guard, ...rest } = value;
  return rest;
}
