import type { KvDocument } from '../../discovery/kv.ts';
import { CONFIG_PREFIX, layerOfKey } from '../kv-keys.ts';
import type { KvText } from '../material.ts';
import type { Known } from './outlook.ts';
import { readStatuses } from './statuses.ts';
import type { LayerStore } from './store.ts';

/** All documents, and what sidecars say of themselves. What others have put there is passed over. */
export async function survey(store: LayerStore): Promise<Known> {
  const documents = (await store.below(CONFIG_PREFIX)).flatMap((document) => kvTextOf(document) ?? []);
  return { documents, statuses: (await readStatuses(store)).known };
}

function kvTextOf({ key, text, revision }: KvDocument): KvText | null {
  const layer = layerOfKey(key);
  return layer === null || text === null ? null : { layer, text, revision, isCandidate: false };
}
