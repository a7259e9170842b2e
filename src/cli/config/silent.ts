import { printable } from '../../admin/text-table.ts';
import type { LayerName } from '../../config/kv-keys.ts';
import { callerOf } from '../../config/store/documents.ts';

const MAX_NAMED = 10;

/**
 * Of the sidecars without a status those that a layer may be for. Whom they call nobody knows; but whose they are is in
 * their names.
 */
export function silentFor(layer: LayerName, silent: readonly string[]): readonly string[] {
  const caller = callerOf(layer);
  return caller === null ? silent : silent.filter((name) => name.startsWith(`${caller}/`));
}

export function silentText(layer: LayerName, silent: readonly string[]): string {
  const those = silentFor(layer, silent);
  if (those.length === 0) return '';
  const more = those.length > MAX_NAMED ? ` and ${those.length - MAX_NAMED} more` : '';
  return `registered in Consul without a status: ${those.slice(0, MAX_NAMED).map(printable).join(', ')}${more}\n`;
}
