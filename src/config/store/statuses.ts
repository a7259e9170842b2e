import { STATUS_PREFIX } from '../kv-keys.ts';
import type { SidecarStatus } from '../sidecar-status.ts';
import { decodeStatus } from '../status-text.ts';
import type { LayerStore } from './store.ts';

export interface Statuses {
  /** By service, then by instance. */
  readonly known: readonly SidecarStatus[];
  /** Keys whose value is no status. */
  readonly unreadable: readonly string[];
}

/** What sidecars say of themselves; those that run no more have no key. */
export async function readStatuses(store: LayerStore): Promise<Statuses> {
  const known: SidecarStatus[] = [];
  const unreadable: string[] = [];
  for (const { key, text } of await store.below(STATUS_PREFIX)) {
    try {
      known.push(decodeStatus(text ?? ''));
    } catch (error) {
      unreadable.push(`${key}: ${(error as Error).message}`);
    }
  }
  return { known, unreadable };
}

export function nameOf({ service, instance }: Pick<SidecarStatus, 'service' | 'instance'>): string {
  return `${service}/${instance}`;
}
