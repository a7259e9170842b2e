import { readDocument } from '../document.ts';
import type { LayerName } from '../kv-keys.ts';
import { unsealed } from '../seal.ts';
import { type DocumentRoot, differenceOf, type SubjectChange } from './difference.ts';

/** What two documents of a layer say differently. One that is no good says nothing. */
export function layerDifference(layer: LayerName, from: string | null, to: string | null): readonly SubjectChange[] {
  return differenceOf(plainOf(from), plainOf(to), rootOf(layer));
}

export function plainOf(text: string | null): unknown {
  const document = readDocument(unsealed(text ?? '{}'), 'kv');
  return Array.isArray(document) ? {} : document.value;
}

export function rootOf(layer: LayerName): DocumentRoot {
  const service = serviceOf(layer);
  return service === null ? { kind: 'document' } : { kind: 'upstream', service };
}

/** The service whose callers a layer is for; null: it is of another kind. */
export function serviceOf(layer: LayerName): string | null {
  return nameIn(layer, 'service/');
}

/** The service whose own sidecars a layer is for; null: it is of another kind. */
export function callerOf(layer: LayerName): string | null {
  return nameIn(layer, 'caller/');
}

/** The layer in the words of the command line. */
export function layerFlags(layer: LayerName): string {
  const service = serviceOf(layer);
  const caller = callerOf(layer);
  if (service !== null) return `--service ${shellWord(service)}`;
  return caller === null ? '--mesh' : `--caller ${shellWord(caller)}`;
}

/** As it is typed into a shell, which reads some characters otherwise. */
export function shellWord(text: string): string {
  return /^[\w./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function nameIn(layer: LayerName, kind: string): string | null {
  return layer.startsWith(kind) ? layer.slice(kind.length) : null;
}
