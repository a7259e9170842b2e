import { readDocument } from './document.ts';
import type { Layer } from './layers.ts';
import { type Finding, inReadingOrder, type Problem, problemOf } from './problems.ts';
import { refuseReferences } from './references.ts';
import { refuseLocal } from './scope.ts';

/** What a service's own sidecars add or override for their calls. */
export function callerKey(service: string): string {
  return `remora/config/caller/${service}`;
}

/**
 * One document from Consul's KV store, YAML or JSON, judged as far as it can be by itself: it speaks of `mesh` settings
 * only, and refers to nothing on this machine. Whether its values are right shows when it is laid over the file.
 */
export function readKvLayer(key: string, text: string): Layer | Problem[] {
  const source = `kv:${key}`;
  const document = readDocument(text, source);
  if (Array.isArray(document)) return document;
  const findings: Finding[] = [...document.findings, ...refuseLocal(document.value)];
  refuseReferences(document.value, findings);
  if (findings.length === 0)
    return { value: document.value, written: document.value, place: document.place, whole: null };
  const here = { source, line: 1, column: 1 };
  return inReadingOrder(
    findings.map((finding) => problemOf(finding, document.place(finding.path, finding.at) ?? here)),
  );
}
