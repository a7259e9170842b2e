import { readFileSync } from 'node:fs';
import { configKey, type LayerName } from '../../config/kv-keys.ts';
import { formatProblems, type Problem } from '../../config/problems.ts';
import { unsealed } from '../../config/seal.ts';
import type { SidecarStatus } from '../../config/sidecar-status.ts';
import { type Outlook, outlookOf } from '../../config/store/outlook.ts';
import { survey } from '../../config/store/survey.ts';
import { unreadable } from '../../config/unreadable.ts';
import type { KvDocument } from '../../discovery/kv.ts';
import { EXIT } from './exit.ts';
import type { Operator, TextSink } from './operator.ts';
import { unknownServices } from './unknown-services.ts';

/** A document that somebody wants in place of what a layer has. */
export interface Proposal {
  readonly layer: LayerName;
  /** What problems call it. */
  readonly source: string;
  readonly text: string;
  /** What it is compared with. */
  readonly base: KvDocument;
  readonly outlook: Outlook;
  /** Of all sidecars that have told theirs. */
  readonly statuses: readonly SidecarStatus[];
}

/** The text of a file; `-` is what comes on standard input. */
export function readProposed(path: string, out: TextSink): string | null {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    out.write(`${formatProblems([unreadable(path, error)])}\n`);
    return null;
  }
}

export async function propose(operator: Operator, layer: LayerName, source: string, text: string): Promise<Proposal> {
  const { store, clock } = operator;
  const known = await survey(store);
  const found = known.documents.find((document) => document.layer === layer) ?? null;
  const key = configKey(layer);
  const base = { key, text: found?.text ?? null, isHeld: false, revision: found?.revision ?? '0' };
  const outlook = outlookOf(layer, unsealed(text), known, clock.wallMs());
  const problems = named(outlook.problems, layer, source);
  const unknown = problems.length > 0 ? [] : await unknownServices(operator, outlook.newServices);
  const warnings = [...outlook.warnings, ...unknown];
  return { layer, source, text, base, outlook: { ...outlook, problems, warnings }, statuses: known.statuses };
}

/** Prints why a document would be refused; null where it would not. */
export function refuseInvalid({ outlook }: Proposal, out: TextSink): typeof EXIT.invalid | null {
  if (outlook.problems.length === 0) return null;
  out.write(`${formatProblems(outlook.problems)}\n`);
  return EXIT.invalid;
}

/** It is not in Consul yet, so lines are those of the file. */
function named(problems: readonly Problem[], layer: LayerName, source: string): readonly Problem[] {
  const rename = <T extends { readonly source: string }>(place: T): T =>
    place.source === `kv:${configKey(layer)}` ? { ...place, source } : place;
  return problems.map((problem) => {
    const { beside } = problem;
    return beside === undefined ? rename(problem) : { ...rename(problem), beside: beside.map(rename) };
  });
}
