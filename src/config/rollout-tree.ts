import type { KvTreeOptions } from '../discovery/kv-tree.ts';
import { type LayerName, OBJECTION_PREFIX, ROLLOUT_PREFIX, rolloutKey } from './kv-keys.ts';

/** What is staged and may concern the sidecar of a service, and what anybody has against it. */
export function rolloutTree(service: string): KvTreeOptions {
  const mesh = rolloutKey('mesh');
  const own = rolloutKey(`caller/${service}`);
  const services = rolloutKey('service/' as LayerName);
  return {
    prefix: ROLLOUT_PREFIX,
    keeps: (key) => key === mesh || key === own || key.startsWith(services) || key.startsWith(OBJECTION_PREFIX),
    parts: [
      { kind: 'key', key: mesh },
      { kind: 'tree', prefix: services },
      { kind: 'key', key: own },
      { kind: 'tree', prefix: OBJECTION_PREFIX },
    ],
  };
}
