import type { KvTreeOptions } from '../discovery/kv-tree.ts';
import { CONFIG_PREFIX, configKey, layerOfKey } from './kv-keys.ts';

/** The documents that may concern the sidecar of a service. Those that others have for their own calls are no concern. */
export function followedTree(service: string): KvTreeOptions {
  const mesh = configKey('mesh');
  const own = configKey(`caller/${service}`);
  return {
    prefix: CONFIG_PREFIX,
    needs: [mesh, `${CONFIG_PREFIX}service/`, own],
    keeps: (key) => key === mesh || key === own || layerOfKey(key)?.startsWith('service/') === true,
    parts: [
      { kind: 'key', key: mesh },
      { kind: 'tree', prefix: `${CONFIG_PREFIX}service/` },
      { kind: 'key', key: own },
    ],
  };
}
